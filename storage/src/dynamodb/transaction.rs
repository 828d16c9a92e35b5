//! The steps that write more than one item, or depend on another one: a user is put, replaced and deleted together with
//! its identifiers, joins only groups that are there, and is taken out of one that is being deleted. A transaction costs
//! twice as much as single writes, so no other step is one.

use super::attribute::Item;
use super::call::{Update, names, placeholders};
use super::fault::{Fault, kind_of};
use super::item::Key;
use super::retry::{CONFLICT_ROUNDS, retry_while};
use super::table::Table;
use crate::StoreErrorKind;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put,
    ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem,
};

/// A transaction that had no effect because a condition was not met.
pub(super) struct Cancelled {
    /// The first part whose condition was not met.
    pub(super) index: usize,
    /// The item that is there.
    pub(super) item: Option<Item>,
}

impl Table {
    /// Writes all parts or none; `None`: all were written. The SDK gives each call an idempotency token, by which DynamoDB
    /// recognises retries.
    pub(super) async fn transact(&self, parts: Vec<TransactWriteItem>) -> Result<Option<Cancelled>, Fault> {
        let send = || self.client.transact_write_items().set_transact_items(Some(parts.clone())).send();
        let Err(error) = retry_while(met_another, CONFLICT_ROUNDS, send).await else { return Ok(None) };
        let Some(reasons) = reasons(&error) else { return Err(error.into()) };
        unmet(reasons).map(Some).ok_or_else(|| why(reasons))
    }
}

type Failure = SdkError<TransactWriteItemsError, HttpResponse>;

/// Whether it failed only because of other transactions or of load.
fn met_another<T>(ended: &Result<T, Failure>) -> bool {
    let reasons = ended.as_ref().err().and_then(reasons);
    reasons.is_some_and(|reasons| unmet(reasons).is_none() && why(reasons).kind == StoreErrorKind::Busy)
}

/// The reasons for cancellation, one per part; `None`: the error is another one.
fn reasons(error: &Failure) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

fn unmet(reasons: &[CancellationReason]) -> Option<Cancelled> {
    let refused = |reason: &&CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    let index = reasons.iter().position(|reason| refused(&reason))?;
    Some(Cancelled { index, item: reasons.get(index)?.item.clone().filter(|item| !item.is_empty()) })
}

/// The failure for the first reason given.
fn why(reasons: &[CancellationReason]) -> Fault {
    let code = reasons.iter().filter_map(|reason| reason.code()).find(|code| *code != "None");
    Fault {
        kind: kind_of(code),
        text: format!("the transaction was cancelled: {}", code.unwrap_or("unknown")),
    }
}

/// Puts an item where there is none.
pub(super) fn put_new(item: Item, table: &str) -> Result<TransactWriteItem, Fault> {
    let condition = "attribute_not_exists(#pk)";
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(condition)
        .set_expression_attribute_names(names(&[condition]))
        .return_values_on_condition_check_failure(AllOld);
    Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
}

/// Deletes an item that meets the condition.
pub(super) fn delete_if(
    condition: &str,
    key: &Key,
    values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    table: &str,
) -> Result<TransactWriteItem, Fault> {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key.item()))
        .condition_expression(condition)
        .set_expression_attribute_names(names(&[condition]))
        .set_expression_attribute_values(placeholders(values));
    Ok(TransactWriteItem::builder().delete(delete.build().map_err(unbuilt)?).build())
}

/// Requires that an item meets the condition, and leaves it as it is.
pub(super) fn require(
    condition: &str,
    key: &Key,
    values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    table: &str,
) -> Result<TransactWriteItem, Fault> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key.item()))
        .condition_expression(condition)
        .set_expression_attribute_names(names(&[condition]))
        .set_expression_attribute_values(placeholders(values));
    Ok(TransactWriteItem::builder().condition_check(check.build().map_err(unbuilt)?).build())
}

/// Changes an item.
pub(super) fn change(update: Update, table: &str) -> Result<TransactWriteItem, Fault> {
    Ok(TransactWriteItem::builder().update(update.in_transaction(table)?).build())
}

pub(super) fn unbuilt(error: BuildError) -> Fault {
    Fault::corrupt(error.to_string())
}
