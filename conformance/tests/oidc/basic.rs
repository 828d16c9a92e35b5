//! Basic OP: the answers come in the query.

use super::relying_party::Mode;
use super::rules;

rules::modules!(Mode::Query);
