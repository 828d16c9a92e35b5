//! The steps that are more than one item: a user comes with their identifiers and goes with them. Transactions cost
//! twice as much, so no other step is one.

use super::again::{CONFLICT_ROUNDS, again_if};
use super::attribute::Item;
use super::call::{Update, names};
use super::fault::{Fault, kind_of};
use super::item::Key;
use super::table::Table;
use crate::StoreErrorKind;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld,
    TransactWriteItem,
};

/// A transaction that did nothing because a condition did not hold.
pub(super) struct Cancelled {
    /// Whose condition: the first of them.
    pub(super) index: usize,
    /// What is there.
    pub(super) item: Option<Item>,
}

impl Table {
    /// All of it or nothing; `None`: all of it. The SDK gives each call a token of its own, by which DynamoDB
    /// recognises its silent repetitions.
    pub(super) async fn transact(&self, parts: Vec<TransactWriteItem>) -> Result<Option<Cancelled>, Fault> {
        let send = || self.client.transact_write_items().set_transact_items(Some(parts.clone())).send();
        let Err(error) = again_if(met_another, CONFLICT_ROUNDS, send).await else { return Ok(None) };
        let Some(reasons) = reasons(&error) else { return Err(error.into()) };
        unmet(reasons).map(Some).ok_or_else(|| why(reasons))
    }
}

type Failure = SdkError<TransactWriteItemsError, HttpResponse>;

/// Whether nothing but others' transactions, or the load, kept it from being done.
fn met_another<T>(ended: &Result<T, Failure>) -> bool {
    let reasons = ended.as_ref().err().and_then(reasons);
    reasons.is_some_and(|reasons| unmet(reasons).is_none() && why(reasons).kind == StoreErrorKind::Busy)
}

/// Why it was cancelled, part by part; `None`: it was not.
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

/// The first reason that is one.
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

/// Deletes an item of which the condition holds.
pub(super) fn delete_if(
    condition: &str,
    key: &Key,
    values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    table: &str,
) -> Result<TransactWriteItem, Fault> {
    let values: Item = values.into_iter().map(|(name, value)| (format!(":{name}"), value)).collect();
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key.item()))
        .condition_expression(condition)
        .set_expression_attribute_names(names(&[condition]))
        .set_expression_attribute_values((!values.is_empty()).then_some(values));
    Ok(TransactWriteItem::builder().delete(delete.build().map_err(unbuilt)?).build())
}

/// Changes an item.
pub(super) fn change(update: Update, table: &str) -> Result<TransactWriteItem, Fault> {
    Ok(TransactWriteItem::builder().update(update.in_transaction(table)?).build())
}

pub(super) fn unbuilt(error: BuildError) -> Fault {
    Fault::corrupt(error.to_string())
}
