//! Form Post OP: the same modules, the answers come by a form that posts itself.

use crate::relying_party::Mode;
use crate::rules;

rules::modules!(Mode::FormPost);
