//! How the table is made and examined. `migrations/dynamodb/table.json` is the one source of its schema, in the terms
//! of CloudFormation's `AWS::DynamoDB::Table`.

use super::connect;
use super::fault::Fault;
use super::store::DynamoDb;
use super::table::Table;
use crate::{Finding, StoreError, UNFINISHED_IMPORT};
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, ScalarAttributeType, SseSpecification, SseStatus, TableDescription,
    TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::sleep;

const SCHEMA: &str = include_str!("../../../migrations/dynamodb/table.json");
/// How long to wait between two looks at a new table, which takes some seconds.
const LOOK: Duration = Duration::from_millis(500);
const MOST_LOOKS: u32 = 240;
const MIGRATE: &str = "run `keyward storage migrate`";
const MAKE: &str = "fix `storage` or AWS_REGION, or make it with `keyward storage migrate`";
const OTHER_TABLE: &str = "keys can't be changed: name another table in `storage`, run `keyward storage migrate`, and move \
                           the records of this one";
const REPLICATED: &str = "other regions write it, too, and each checks conditions on its own: a code could be redeemed once in each";
const ONE_REGION: &str = "remove the replicas";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Schema {
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<KeyPart>,
    billing_mode: String,
    deletion_protection_enabled: bool,
    #[serde(rename = "SSESpecification")]
    encryption: Encryption,
    time_to_live_specification: TimeToLive,
    point_in_time_recovery_specification: Recovery,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct KeyPart {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encryption {
    #[serde(rename = "SSEEnabled")]
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Recovery {
    point_in_time_recovery_enabled: bool,
}

impl Schema {
    fn read() -> Result<Self, Fault> {
        serde_json::from_str(SCHEMA).map_err(|error| Fault::corrupt(format!("table.json: {error}")))
    }

    fn definitions(&self) -> Result<Vec<AttributeDefinition>, Fault> {
        let build = |own: &Attribute| {
            let definition = AttributeDefinition::builder()
                .attribute_name(&own.attribute_name)
                .attribute_type(ScalarAttributeType::from(own.attribute_type.as_str()));
            definition.build().map_err(super::transaction::unbuilt)
        };
        self.attribute_definitions.iter().map(build).collect()
    }

    fn keys(&self) -> Result<Vec<KeySchemaElement>, Fault> {
        let build = |own: &KeyPart| {
            let part = KeySchemaElement::builder()
                .attribute_name(&own.attribute_name)
                .key_type(KeyType::from(own.key_type.as_str()));
            part.build().map_err(super::transaction::unbuilt)
        };
        self.key_schema.iter().map(build).collect()
    }
}

impl DynamoDb {
    /// Makes the table if there is none, and turns on the deletion of expired records and point-in-time recovery.
    /// Returns whether it was made. A table with other keys is not ours, and left as it is.
    pub async fn migrate(&self) -> Result<bool, StoreError> {
        self.0.make().await.map_err(|fault| fault.during("migrate"))
    }

    /// Whether there is a table with our keys.
    pub async fn is_ours(&self) -> Result<bool, StoreError> {
        let is_ours = async {
            let table = self.0.describe().await?;
            table.map_or(Ok(false), |table| has_our_keys(&table, &Schema::read()?))
        };
        is_ours.await.map_err(|fault: Fault| fault.during("migrate"))
    }

    /// Examines the table without changing it; no findings mean that it is sound.
    pub async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        self.0.examine().await.map_err(|fault| fault.during("check"))
    }

    /// For a server, before it starts: fails if the table has replicas. Each region checks the conditions of its own
    /// writes only, so a code could be redeemed once in each.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable) if the table has replicas.
    pub async fn require_one_region(&self) -> Result<(), StoreError> {
        let is_replicated = async {
            let table = self.0.describe().await?;
            if table.as_ref().is_some_and(is_replicated) {
                return Err(Fault::unavailable(format!("{REPLICATED}: {ONE_REGION}")));
            }
            Ok(())
        };
        is_replicated.await.map_err(|fault: Fault| fault.during("open"))
    }
}

impl Table {
    async fn describe(&self) -> Result<Option<TableDescription>, Fault> {
        // Often the first call, so it has time to load the credentials that all calls share.
        let call = self.client.describe_table().table_name(&self.name).customize();
        match call.config_override(connect::unhurried()).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) => match error.as_service_error() {
                Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(error.into()),
            },
        }
    }

    async fn make(&self) -> Result<bool, Fault> {
        let schema = Schema::read()?;
        let there = self.describe().await?;
        if let Some(there) = &there
            && !has_our_keys(there, &schema)?
        {
            return Ok(false);
        }
        let is_missing = there.is_none();
        if is_missing {
            let encryption = SseSpecification::builder().enabled(schema.encryption.enabled).build();
            let call = self.client.create_table().table_name(&self.name);
            let call = call
                .set_attribute_definitions(Some(schema.definitions()?))
                .set_key_schema(Some(schema.keys()?))
                .billing_mode(BillingMode::from(schema.billing_mode.as_str()))
                .deletion_protection_enabled(schema.deletion_protection_enabled)
                .sse_specification(encryption);
            match call.send().await {
                Ok(_) => {}
                // Made by us, with the answer lost, or by another program at the same time.
                Err(error) if error.code() == Some("ResourceInUseException") => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.wait_until_active().await?;
        self.let_expire(&schema.time_to_live_specification).await?;
        self.keep_recoverable(&schema.point_in_time_recovery_specification).await?;
        Ok(is_missing)
    }

    async fn wait_until_active(&self) -> Result<(), Fault> {
        for _ in 0..MOST_LOOKS {
            let status = self.describe().await?.and_then(|table| table.table_status);
            if matches!(status, Some(TableStatus::Active | TableStatus::Updating)) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Err(Fault::busy("the table is not ready yet: run the command again"))
    }

    async fn let_expire(&self, wanted: &TimeToLive) -> Result<(), Fault> {
        if self.expires(wanted).await? {
            return Ok(());
        }
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(&wanted.attribute_name)
            .enabled(wanted.enabled)
            .build()
            .map_err(super::transaction::unbuilt)?;
        let call = self.client.update_time_to_live().table_name(&self.name);
        call.time_to_live_specification(specification).send().await?;
        Ok(())
    }

    async fn expires(&self, wanted: &TimeToLive) -> Result<bool, Fault> {
        let answer = self.client.describe_time_to_live().table_name(&self.name).send().await?;
        let there = answer.time_to_live_description;
        Ok(there.is_some_and(|there| {
            let is_on = matches!(
                there.time_to_live_status,
                Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
            );
            is_on == wanted.enabled && there.attribute_name.as_ref() == Some(&wanted.attribute_name)
        }))
    }

    async fn keep_recoverable(&self, wanted: &Recovery) -> Result<(), Fault> {
        if self.is_recoverable().await? == wanted.point_in_time_recovery_enabled {
            return Ok(());
        }
        let specification = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(wanted.point_in_time_recovery_enabled)
            .build()
            .map_err(super::transaction::unbuilt)?;
        let call = self.client.update_continuous_backups().table_name(&self.name);
        let call = call.point_in_time_recovery_specification(specification);
        for _ in 0..MOST_LOOKS {
            match call.clone().send().await {
                Ok(_) => return Ok(()),
                // A new table answers this for a while.
                Err(error) if error.code() == Some("ContinuousBackupsUnavailableException") => {
                    sleep(LOOK).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::busy("the table can't be made recoverable yet: run the command again"))
    }

    async fn is_recoverable(&self) -> Result<bool, Fault> {
        let answer = self.client.describe_continuous_backups().table_name(&self.name).send().await?;
        let there = answer.continuous_backups_description;
        let status = there.and_then(|there| there.point_in_time_recovery_description);
        let status = status.and_then(|there| there.point_in_time_recovery_status);
        Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
    }

    async fn examine(&self) -> Result<Vec<Finding>, Fault> {
        let schema = Schema::read()?;
        let found = |what: String, fix| Finding { what, fix };
        let Some(table) = self.describe().await? else {
            return Ok(vec![found(format!("there is no table {}", self.name), MAKE)]);
        };
        if !has_our_keys(&table, &schema)? {
            return Ok(vec![found(
                "its keys are not those of migrations/dynamodb/table.json".into(),
                OTHER_TABLE,
            )]);
        }
        let mut findings = shape(&table, &schema);
        if !self.expires(&schema.time_to_live_specification).await? {
            let name = &schema.time_to_live_specification.attribute_name;
            findings.push(found(format!("expired records are not deleted by `{name}`"), MIGRATE));
        }
        if self.is_recoverable().await?
            != schema.point_in_time_recovery_specification.point_in_time_recovery_enabled
        {
            findings.push(found("it can't be recovered to a point in time".into(), MIGRATE));
        }
        if is_usable(&table) && self.issuer().await?.as_deref() == Some(UNFINISHED_IMPORT) {
            findings.push(Finding::unfinished_import());
        }
        Ok(findings)
    }
}

fn has_our_keys(table: &TableDescription, schema: &Schema) -> Result<bool, Fault> {
    // In any order, and there may be more: those of an index that an operator added.
    let there = table.attribute_definitions();
    let are_defined = schema.definitions()?.iter().all(|own| there.contains(own));
    Ok(table.key_schema() == schema.keys()? && are_defined)
}

/// Whether it has replicas in other regions. Strongly consistent replicas support neither transactions nor the
/// deletion of expired records, so they are of no use either.
fn is_replicated(table: &TableDescription) -> bool {
    !table.replicas().is_empty()
}

fn is_usable(table: &TableDescription) -> bool {
    matches!(table.table_status(), Some(TableStatus::Active | TableStatus::Updating))
}

/// What is wrong with the table according to its description.
fn shape(table: &TableDescription, schema: &Schema) -> Vec<Finding> {
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    let encryption = table.sse_description().and_then(|there| there.status());
    let is_encrypted =
        matches!(encryption, Some(SseStatus::Enabled | SseStatus::Enabling | SseStatus::Updating));
    let checks = [
        (!is_replicated(table), REPLICATED, ONE_REGION),
        (is_usable(table), "it is not active", "wait until it is, or look at the table in the AWS console"),
        (
            mode.map(BillingMode::as_str) == Some(&schema.billing_mode),
            "it is not billed by request",
            "run `aws dynamodb update-table --billing-mode PAY_PER_REQUEST --table-name` and the table's name, or \
             provision what your busiest minute needs",
        ),
        (
            table.deletion_protection_enabled() == Some(schema.deletion_protection_enabled),
            "one command can delete it",
            "run `aws dynamodb update-table --deletion-protection-enabled --table-name` and the table's name",
        ),
        (
            is_encrypted == schema.encryption.enabled,
            "it is not encrypted by a key of your account",
            "run `aws dynamodb update-table --sse-specification Enabled=true --table-name` and the table's name",
        ),
    ];
    let wrong = checks.into_iter().filter(|(is_right, ..)| !is_right);
    wrong.map(|(_, what, fix)| Finding { what: what.to_owned(), fix }).collect()
}
