//! The account page.

use super::{ENGLISH, Page};
use templates::{
    Account, AccountNotice, AppItem, ChoiceProblem, Moment, ProfileField, ScopeItem, SessionItem, Template,
};

pub(super) fn pages(fill: &dyn Fn(&str) -> String) -> Vec<Page> {
    let shape = |name, notice, is_full| Page { name, html: account(fill, notice, is_full) };
    vec![
        shape("account", None, true),
        shape("account-empty", None, false),
        shape("account-saved", Some(AccountNotice::ProfileSaved), true),
        shape(
            "account-birthdate",
            Some(AccountNotice::Profile(ChoiceProblem::ProfileInvalid("birthdate"))),
            true,
        ),
        shape("account-wrong-password", Some(AccountNotice::Password(ChoiceProblem::PasswordWrong)), true),
        shape("account-short-password", Some(AccountNotice::Password(ChoiceProblem::PasswordShort)), true),
        shape("account-too-many", Some(AccountNotice::Password(ChoiceProblem::TooMany)), true),
    ]
}

/// An account in use (`is_full`), or a new one.
fn account(fill: &dyn Fn(&str) -> String, notice: Option<AccountNotice>, is_full: bool) -> String {
    let (name, birthdate, email) = (fill("Alice Adams"), fill("1990-04-01"), fill("alice@example.com"));
    let profile =
        [("name", &name), ("birthdate", &birthdate)].map(|(name, value)| ProfileField { name, value });
    let another = fill("another");
    let began = moment(fill, "2027-01-15T08:00:00Z", "15 January 2027, 08:00 UTC");
    let signed_in = moment(fill, "2027-01-16T09:30:00Z", "16 January 2027, 09:30 UTC");
    let session = |id, is_current| SessionItem {
        id,
        began: began.clone(),
        signed_in: if is_current { signed_in.clone() } else { began.clone() },
        is_current,
    };
    let sessions = [session("this", true), session(&another, false)];
    let (id, client, scope) = (fill("cards"), fill("Cards"), fill("cards:write"));
    let app = AppItem {
        id: &id,
        name: &client,
        scopes: ["profile", &scope].map(|name| ScopeItem::new(ENGLISH, name)).into(),
        since: moment(fill, "2027-01-14T07:00:00Z", "14 January 2027, 07:00 UTC"),
        is_offline: true,
    };
    Account {
        messages: ENGLISH,
        nonce: &fill("bm9uY2U="),
        action: &fill("/account"),
        logout_url: &fill("/logout"),
        csrf: &fill("csrf-token"),
        username: &fill("alice"),
        verified_email: is_full.then_some(&email),
        profile: &profile,
        sessions: if is_full { &sessions } else { &sessions[..1] },
        apps: if is_full { std::slice::from_ref(&app) } else { &[] },
        is_continued: false,
        more_apps_url: is_full.then_some("https://op.example/account?apps=c.app"),
        notice,
    }
    .render()
    .unwrap()
}

fn moment(fill: &dyn Fn(&str) -> String, machine: &str, text: &str) -> Moment {
    Moment { machine: fill(machine), text: fill(text) }
}
