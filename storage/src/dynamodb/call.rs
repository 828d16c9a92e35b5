//! The calls to DynamoDB that operations consist of: each is one request, or several where DynamoDB returns its answer
//! in parts.

use super::attribute::{Item, attribute, number, text};
use super::fault::Fault;
use super::item::{self, FORMAT, Key, LAST_REQUEST, Record, VERSION};
use super::retry::{pause, retrying_busy, retrying_conflicts};
use super::table::Table;
use crate::stored::Stored;
use crate::{Commit, Stamp};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure::AllOld, Update as UpdateInput,
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// How often keys that DynamoDB left unprocessed for lack of capacity are requested again.
const UNPROCESSED_ROUNDS: u32 = 5;
/// How many surplus records one operation deletes at most; one new record makes fewer surplus.
const MOST_DELETED: usize = 25;
/// The attributes that are an item's key.
pub(super) const KEYS: &str = "#pk, #sk";

/// How a guarded call ended.
pub(super) enum Written {
    /// It took effect.
    Done,
    /// Its condition was not met: here is the item that is there.
    Refused(Option<Item>),
}

impl Written {
    /// Distinguishes the request's own earlier write from a lost race.
    pub(super) fn outcome<R: Record>(
        self,
        stamp: Stamp,
        mine: impl FnOnce(&R) -> bool,
    ) -> Result<Commit<R>, Fault> {
        match self {
            Self::Done => Ok(Commit::Done),
            Self::Refused(found) => Ok(Stored::outcome(found.map(item::decode).transpose()?, stamp, mine)),
        }
    }
}

/// The values of a condition by their names in it; DynamoDB refuses an empty list.
pub(super) fn placeholders(values: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> Option<Item> {
    let values: Item = values.into_iter().map(|(name, value)| (format!(":{name}"), value)).collect();
    (!values.is_empty()).then_some(values)
}

/// Items that were read together, by key.
pub(super) struct Read(HashMap<Key, Item>);

impl Read {
    /// The record at a key.
    pub(super) fn record<R: Record>(&self, key: &Key) -> Result<Option<R>, Fault> {
        Ok(self.item(key).cloned().map(item::decode).transpose()?.map(|stored| stored.record))
    }

    pub(super) fn item(&self, key: &Key) -> Option<&Item> {
        self.0.get(key)
    }
}

/// A change of one item under a condition. In expressions an attribute is written `#name` and a value `:name`, because
/// many plain names are reserved words.
pub(super) struct Update {
    key: Key,
    sets: Vec<String>,
    removes: Vec<String>,
    condition: String,
    values: Result<Item, Fault>,
}

impl Update {
    /// A change, by this request, of an item that exists and has the format we know.
    pub(super) fn new(key: Key, stamp: Stamp) -> Self {
        Self::unsigned(key).set(LAST_REQUEST, &stamp.request)
    }

    /// The same without a stamp: the item's `last_request` stays, so a repeated write doesn't recognise its effect.
    pub(super) fn unsigned(key: Key) -> Self {
        let condition = format!("#{VERSION} = :{VERSION}");
        Self { key, sets: vec![], removes: vec![], condition, values: Ok(Item::new()) }
            .value(VERSION, &FORMAT)
    }

    /// Appends a text to a list that exists.
    pub(super) fn append(mut self, name: &str, text: &str) -> Self {
        self.sets.push(format!("#{name} = list_append(#{name}, :{name})"));
        self.value(name, &[text])
    }

    pub(super) fn set(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.sets.push(format!("#{name} = :{name}"));
        self.value(name, value)
    }

    /// Sets the attribute, or removes it if there is no value.
    pub(super) fn replace(mut self, name: &str, value: Option<&impl Serialize>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => {
                self.removes.push(format!("#{name}"));
                self
            }
        }
    }

    /// Adds a condition.
    pub(super) fn when(mut self, condition: &str) -> Self {
        self.condition = format!("{} AND {condition}", self.condition);
        self
    }

    pub(super) fn value(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.values = self.values.and_then(|mut values| {
            values.insert(format!(":{name}"), attribute(value)?);
            Ok(values)
        });
        self
    }

    /// Moves the value of one attribute, if there is one, to another.
    pub(super) fn move_over(mut self, from: &str, to: &str) -> Self {
        self.sets.push(format!("#{to} = if_not_exists(#{from}, #{to})"));
        self.removes.push(format!("#{from}"));
        self
    }

    fn change(&self) -> String {
        let sets = format!("SET {}", self.sets.join(", "));
        if self.removes.is_empty() { sets } else { format!("{sets} REMOVE {}", self.removes.join(", ")) }
    }

    /// The same change as part of a transaction.
    pub(super) fn in_transaction(self, table: &str) -> Result<UpdateInput, Fault> {
        let change = self.change();
        let built = UpdateInput::builder()
            .table_name(table)
            .set_key(Some(self.key.item()))
            .set_expression_attribute_names(names(&[&change, &self.condition]))
            .set_expression_attribute_values(Some(self.values?))
            .update_expression(change)
            .condition_expression(self.condition)
            .return_values_on_condition_check_failure(AllOld);
        built.build().map_err(|error| Fault::corrupt(error.to_string()))
    }
}

impl Table {
    /// One item, as it is now.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, Fault> {
        let call = self.client.get_item().table_name(&self.name).set_key(Some(key.item()));
        Ok(call.consistent_read(true).send().await?.item)
    }

    /// One record, as it is now.
    pub(super) async fn record<R: Record>(&self, key: &Key) -> Result<Option<Stored<R>>, Fault> {
        self.get(key).await?.map(item::decode).transpose()
    }

    /// Items read together, as they are now. Each key is sent once, because DynamoDB refuses duplicates.
    pub(super) async fn get_all(&self, keys: impl IntoIterator<Item = Key>) -> Result<Read, Fault> {
        let distinct: BTreeSet<Key> = keys.into_iter().collect();
        let mut wanted: Vec<Item> = distinct.iter().map(Key::item).collect();
        let mut found = HashMap::new();
        for round in 0..UNPROCESSED_ROUNDS {
            if round > 0 {
                pause(round - 1).await;
            }
            let request = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(wanted)).build();
            let request = request.map_err(|error| Fault::corrupt(error.to_string()))?;
            let answer = self.client.batch_get_item().request_items(&self.name, request).send().await?;
            for item in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                found.insert(Key::of(&item)?, item);
            }
            let left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.into_values().flat_map(|left| left.keys).collect();
            if wanted.is_empty() {
                return Ok(Read(found));
            }
        }
        // Items that were not read may exist.
        Err(Fault::busy("keys were left unprocessed"))
    }

    /// Puts an item if the one at its key meets the condition.
    pub(super) async fn put(
        &self,
        item: Item,
        condition: &str,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Result<Written, Fault> {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let call = call
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[condition]))
            .set_expression_attribute_values(placeholders(values))
            .return_values_on_condition_check_failure(AllOld);
        match retrying_conflicts(|| call.clone().send()).await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Refused(refused.item.clone()))
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Puts an item where there is none.
    pub(super) async fn put_new(&self, item: Item) -> Result<Written, Fault> {
        self.put(item, "attribute_not_exists(#pk)", []).await
    }

    /// Changes an item.
    pub(super) async fn update(&self, update: Update) -> Result<Written, Fault> {
        let change = update.change();
        let call = self.client.update_item().table_name(&self.name).set_key(Some(update.key.item()));
        let call = call
            .set_expression_attribute_names(names(&[&change, &update.condition]))
            .set_expression_attribute_values(Some(update.values?))
            .update_expression(change)
            .condition_expression(update.condition)
            .return_values_on_condition_check_failure(AllOld);
        match retrying_conflicts(|| call.clone().send()).await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Refused(refused.item.clone()))
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Deletes an item; whether it was there.
    pub(super) async fn delete(&self, key: &Key) -> Result<bool, Fault> {
        Ok(matches!(self.delete_if(key, "attribute_exists(#pk)", []).await?, Written::Done))
    }

    /// Deletes an item if it meets the condition.
    pub(super) async fn delete_if(
        &self,
        key: &Key,
        condition: &str,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Result<Written, Fault> {
        let call = self.client.delete_item().table_name(&self.name).set_key(Some(key.item()));
        let call = call
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[condition]))
            .set_expression_attribute_values(placeholders(values))
            .return_values_on_condition_check_failure(AllOld);
        match retrying_conflicts(|| call.clone().send()).await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Refused(refused.item.clone()))
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Deletes surplus records, a bounded number at a time. What can't be deleted now goes when the next record is put.
    pub(super) async fn delete_surplus(&self, keys: impl Iterator<Item = Key>) {
        for key in keys.take(MOST_DELETED) {
            if self.delete(&key).await.is_err() {
                return;
            }
        }
    }

    /// The first items of a partition whose `sk` begins with a text, at most `most`; one call.
    pub(super) async fn first(&self, pk: &str, sk_begins: &str, most: i32) -> Result<Vec<Item>, Fault> {
        let which = "#pk = :pk AND begins_with(#sk, :sk)";
        let call = self.client.query().table_name(&self.name).consistent_read(true).limit(most);
        let call = call
            .key_condition_expression(which)
            .set_expression_attribute_names(names(&[which]))
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":sk", text(sk_begins));
        Ok(call.send().await?.items.unwrap_or_default())
    }

    /// The items of a partition whose `sk` is greater than `behind` and at most `before`: at most `most` of them, and
    /// whether there are more.
    pub(super) async fn between(
        &self,
        pk: &str,
        behind: &str,
        before: &str,
        only_keys: bool,
        most: usize,
    ) -> Result<(Vec<Item>, bool), Fault> {
        // BETWEEN includes its bounds: the item at `behind` is read again, and dropped.
        let which = "#pk = :pk AND #sk BETWEEN :behind AND :before";
        let only = only_keys.then_some(KEYS);
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let wanted =
                i32::try_from(most.saturating_sub(items.len()).saturating_add(2)).unwrap_or(i32::MAX);
            let call = self.client.query().table_name(&self.name).consistent_read(true).limit(wanted);
            let call = call
                .key_condition_expression(which)
                .set_projection_expression(only.map(str::to_owned))
                .set_expression_attribute_names(names(&[which, only.unwrap_or_default()]))
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":behind", text(behind))
                .expression_attribute_values(":before", text(before))
                .set_exclusive_start_key(start);
            let page = call.send().await?;
            for item in page.items.unwrap_or_default() {
                if Key::of(&item)?.sk != behind {
                    items.push(item);
                }
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            let more = items.len() > most;
            if more || start.is_none() {
                items.truncate(most);
                return Ok((items, more));
            }
        }
    }

    /// Converts every item of one kind in the realm; the kind is its `sk`. For operators only: this reads the whole
    /// table.
    pub(super) async fn scan<T>(
        &self,
        kind: &str,
        only_keys: bool,
        read: impl Fn(Item) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let filter = "#sk = :sk AND begins_with(#pk, :pk)";
        let only = only_keys.then_some(KEYS);
        let (mut all, mut start) = (Vec::new(), None);
        loop {
            let call = self.client.scan().table_name(&self.name).consistent_read(true);
            let call = call
                .filter_expression(filter)
                .set_projection_expression(only.map(str::to_owned))
                .set_expression_attribute_names(names(&[filter, only.unwrap_or_default()]))
                .expression_attribute_values(":pk", text(format!("{}#{kind}#", self.realm.as_str())))
                .expression_attribute_values(":sk", text(kind))
                .set_exclusive_start_key(start);
            let page = retrying_busy(|| call.clone().send()).await?;
            for item in page.items.unwrap_or_default() {
                all.push(read(item)?);
            }
            start = page.last_evaluated_key;
            if start.as_ref().is_none_or(HashMap::is_empty) {
                return Ok(all);
            }
        }
    }
}

/// The value for the condition that an item has the format we know, as [`Table::put`] takes it.
pub(super) fn of_known_format() -> (&'static str, AttributeValue) {
    (VERSION, number(FORMAT))
}

/// The attribute that each `#name` in the expressions stands for: the one of that name.
pub(super) fn names(texts: &[&str]) -> Option<HashMap<String, String>> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let marked = texts.iter().flat_map(|text| text.split('#').skip(1));
    let names = marked.map(|rest| rest.split(|c| !legal(c)).next().unwrap_or_default());
    Some(names.map(|name| (format!("#{name}"), name.to_owned())).collect())
}
