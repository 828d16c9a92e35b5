//! Basic OP: the answers come in the query.

use crate::relying_party::Mode;
use crate::rules;

rules::modules!(Mode::Query);
