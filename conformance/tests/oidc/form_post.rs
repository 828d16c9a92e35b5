//! Form Post OP: the same modules, the answers come by a form that posts itself.

use super::relying_party::Mode;
use super::rules;

rules::modules!(Mode::FormPost);
