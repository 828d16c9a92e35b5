//! Whose keys they are: a process makes keys only for a ring that is of the custody of its setting `keys`. Keys of two
//! custodies in one ring could be opened by no process.

use super::custody::Maker;
use super::error::{KeysError, RingRefusal, SignError};
use super::form::Form;
use super::ring::Ring;
use super::rotator::Rotator;

impl Rotator {
    /// Refuses if the setting names another custody than the ring's: another kind, another KMS key (an alias may lead to
    /// another key than before), another master key file.
    ///
    /// # Errors
    /// [`KeysError::Refused`] with [`RingRefusal::OtherCustody`], and failures of the custody.
    pub(super) async fn require_home(&self, ring: &Ring) -> Result<(), KeysError> {
        let Some(maker) = self.maker.as_deref() else { return Ok(()) };
        let (setting, of_ring) = (maker.setting(), custody_of(ring));
        let is_file = |form| form == Form::File;
        if is_file(maker.form()) != is_file(ring.form()) {
            return Err(RingRefusal::OtherCustody { ring: of_ring, setting }.into());
        }
        // A ring from before master key files had names.
        if ring.wrapping_key.is_none() {
            return Ok(());
        }
        let leads_to = maker.resolve(ring.wrapping_key.as_deref()).await?;
        if leads_to == ring.wrapping_key && maker.form() == ring.form() {
            return Ok(());
        }
        let setting = match leads_to {
            Some(name) if setting.ends_with(&name) || name.ends_with(&setting) => setting,
            Some(name) => format!("{setting}, which is {name}"),
            None => format!("{setting}, which does not exist"),
        };
        Err(RingRefusal::OtherCustody { ring: of_ring, setting }.into())
    }
}

/// Whether two custodies are the same for a ring, however their settings are written.
///
/// # Errors
/// Failures of a custody.
pub async fn is_same_custody(one: &dyn Maker, other: &dyn Maker, ring: &Ring) -> Result<bool, SignError> {
    if one.form() != other.form() {
        return Ok(false);
    }
    if one.setting() == other.setting() {
        return Ok(true);
    }
    let name = ring.wrapping_key.as_deref();
    let (one, other) = (one.resolve(name).await?, other.resolve(name).await?);
    Ok(one.is_some() && one == other)
}

/// The custody of a ring, as a value of the setting `keys` where the ring knows it.
pub fn custody_of(ring: &Ring) -> String {
    match (ring.form(), &ring.wrapping_key) {
        (Form::File, None) => "a master key file".to_owned(),
        (Form::File, Some(name)) => format!("the master key file {name}"),
        (form, name) => format!("{}:{}", form.name(), name.as_deref().unwrap_or_default()),
    }
}
