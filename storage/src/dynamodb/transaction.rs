//! The two steps that are more than one item: a user comes with their identifiers and goes with them, a session
//! goes with its grants. Transactions cost twice as much, so no other step is one.

use super::Table;
use super::attribute::Item;
use super::call::{FIRST_PAUSE, Update, names};
use super::fault::{Fault, kind_of};
use super::item::Key;
use crate::StoreErrorKind;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld,
    TransactWriteItem,
};
use tokio::time::sleep;

/// How often a transaction that met another one is tried.
const ATTEMPTS: u32 = 4;

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
        let mut fault = Fault::busy("other transactions are in the way");
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(FIRST_PAUSE * 2_u32.pow(attempt - 1)).await;
            }
            let call = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = call.send().await else { return Ok(None) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(error.into());
            };
            let reasons = cancelled.cancellation_reasons();
            if let Some(cancelled) = unmet(reasons) {
                return Ok(Some(cancelled));
            }
            fault = why(reasons);
            if fault.kind != StoreErrorKind::Busy {
                break;
            }
        }
        Err(fault)
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
