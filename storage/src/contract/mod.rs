//! What every backend promises, as one suite of tests: each case gets an empty store and tests one promise, only
//! through [`Store`](crate::Store) and [`Transfer`](crate::Transfer). [`contract!`](crate::contract!) makes tests of the
//! cases, so that all backends promise the same.
//!
//! Absent on purpose: when an expired record is deleted (any time, or never), and anything about speed.
#![allow(missing_docs, reason = "the name of a case says what it demands")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod account;
mod answer;
mod attempt;
mod belongings;
mod bounds;
mod client;
mod consent;
mod emulator;
mod grant;
mod grant_race;
mod group;
pub mod local_aws;
mod locate;
pub mod ministack;
#[cfg(test)]
pub(crate) mod newer;
mod race;
mod realm;
mod refresh;
mod replaced_user;
pub(crate) mod sample;
mod session;
pub(crate) mod sweep;
mod token;
pub mod tool;
mod user;
pub mod wire;

pub use emulator::Emulator;
pub use race::with_rounds;

/// Lists the cases once: a case that is missing here is unused code, which the compiler reports.
macro_rules! suite {
    ($d:tt $($kind:ident { $($case:ident)+ })+) => {
        $(pub use $kind::{$($case),+};)+

        /// Runs the suite against a backend: each case becomes a test in a module of the given name. The
        /// second argument names an `async fn() -> Arc<dyn Store>` in scope that opens an empty store; or one to an
        /// `Option` of it, where `None` is a backend that this machine doesn't have: its tests pass. `rounds` is how often each
        /// race is run; by default 20 times. Needs tokio's `macros` and `rt-multi-thread`.
        #[macro_export]
        macro_rules! contract {
            ($d backend:ident, $d empty:ident $d(, rounds: $d rounds:expr)?) => {
                mod $d backend {
                    use super::$d empty;
                    use std::sync::Arc;
                    use $crate::Store;
                    $($(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                        async fn $case() {
                            let store: Option<Arc<dyn Store>> = $d empty().await.into();
                            if let Some(store) = store {
                                let case = $crate::contract::$case(store);
                                $d(let case = $crate::contract::with_rounds($d rounds, case);)?
                                case.await;
                            }
                        }
                    )+)+
                }
            };
        }
    };
}

suite! { $
    realm {
        an_issuer_is_bound_and_replaced
        an_issuer_is_lost_to_another
        a_ring_document_goes_from_version_to_version
        a_ring_is_lost_to_another_version
        it_answers_and_its_own_writes_leave_no_mark
    }
    client {
        a_client_comes_back_whole
        a_taken_client_id_is_lost
        a_client_is_replaced_by_its_next_revision
        replacing_a_client_is_lost_unless_the_revision_before_is_there
        a_client_made_anew_is_not_replaced_by_who_saw_the_former
        n254_a_client_that_changed_meanwhile_is_not_deleted
        a_disabled_client_is_not_enabled_by_who_saw_it_before
        a_deleted_client_is_gone
        a_deleted_client_is_not_brought_back
        a_long_list_of_clients_is_whole
    }
    user {
        a_user_comes_back_whole
        debts_come_with_whom_an_identifier_leads_to
        users_are_listed_by_creation_and_id
        an_identifier_is_unique_in_its_kind
        a_taken_identifier_is_lost_and_leaves_nothing
        a_taken_user_id_is_lost_and_leaves_nothing
        an_identifier_is_added_to_who_is_there
        an_added_identifier_goes_with_its_user
        disabling_a_user_voids_what_began_for_good
        a_new_password_voids_what_began
        a_password_is_set_only_in_the_generation_seen
        voiding_a_user_changes_nothing_else
        n240_every_end_begins_a_generation_that_never_was
        a_deleted_user_is_gone_with_their_names
        nobody_cannot_be_changed
    }
    account {
        a_profile_is_replaced_and_nothing_else
        a_profile_is_lost_unless_it_is_the_one_seen
        a_verified_address_stays
        an_unverified_address_comes_changes_and_goes
        every_user_is_listed_by_id
    }
    replaced_user {
        a_user_is_replaced_with_all_identifiers
        replacing_a_user_is_lost_to_who_has_a_name
        replacing_a_user_is_lost_unless_it_is_the_one_seen
        an_identifier_added_meanwhile_goes_with_the_others
        one_of_64_is_renamed_to_a_free_name
    }
    group {
        groups_are_made_listed_and_deleted
        users_join_groups_that_are_there_and_open
        a_user_leaves_a_group_and_nothing_else_changes
        n254_a_deletion_leaves_a_later_group_of_the_name_alone
        members_come_in_pages_each_of_them_once
        nobody_joins_a_group_that_is_closed_meanwhile
    }
    belongings {
        belongings_are_everything_of_one_user
        n242_belongings_come_in_pages_each_of_them_once
        n242_a_page_begins_behind_what_is_gone
        long_belongings_are_whole
        n242_belongings_are_deleted_some_at_a_time_and_nobody_elses
        n242_what_a_deleted_user_had_goes_afterwards
    }
    session {
        a_session_comes_back_whole
        sign_in_loads_user_session_consent_and_debts_together
        a_taken_session_id_is_lost
        reauthentication_replaces_secret_authentication_and_authority_only
        reauthentication_is_lost_unless_its_condition_holds
        n239_ending_a_session_writes_the_session_alone
        ending_is_lost_unless_its_condition_holds
        session_writes_of_one_call_are_not_confused
    }
    consent {
        a_consent_grows
        a_consent_is_of_one_user_with_one_client
        n241_a_consent_of_another_authority_is_replaced
        n241_sixty_four_consents_of_two_authorities_are_not_mixed
        a_consent_is_forgotten
        n241_a_client_made_again_under_an_old_id_is_agreed_to_again
        a_consent_outgrows_a_request
    }
    grant {
        a_grant_comes_back_whole
        a_grant_is_of_one_user
        a_taken_grant_id_is_lost
        redemption_sets_its_time_only
        n059_a_code_works_until_the_millisecond_before_its_expiry
        n059_codes_at_the_edges_of_time
        redemption_is_lost_unless_its_condition_holds
        a_code_is_burnt_only_before_its_redemption
        a_grant_is_revoked_once_and_the_first_reason_stays
        a_grant_is_made_only_while_the_consent_it_needs_is_remembered
        grant_writes_of_one_call_are_not_confused
    }
    locate {
        n239_a_grant_comes_with_the_session_that_it_needs
        n239_a_session_that_is_gone_is_not_made_up
    }
    bounds {
        n242_one_session_too_many_ends_the_oldest
        n242_sessions_that_are_over_go_first_and_the_new_one_never
        n242_sixty_four_sessions_at_once_converge_within_the_bound
        n242_one_code_too_many_of_a_session_with_a_client_ends_the_oldest
        n242_one_grant_too_many_with_a_client_ends_the_oldest_fifth
        n242_sixty_four_codes_at_once_converge_within_the_bound
        n242_what_is_restored_stays_until_one_more_is_made
    }
    refresh {
        a_tip_comes_back_whole
        redemption_puts_the_first_tip
        a_tip_is_replaced_and_nothing_else
        rotation_is_lost_unless_its_condition_holds
        a_tip_that_was_rotated_away_does_not_rotate_again
        digest_and_generation_name_the_tip
    }
    token {
        a_token_is_loaded_with_its_grant_and_user
        a_token_is_denied_once_and_the_first_expiry_stays
    }
    attempt {
        a_debt_moves_on_by_an_interval
        debts_come_in_the_order_asked_for
        counters_are_told_apart_by_kind_and_by_whom
        debts_at_the_edges_of_time
    }
    answer {
        an_unanswered_ring_is_recognised
        an_unanswered_client_is_recognised
        an_unanswered_replacement_of_a_client_is_recognised
        an_unanswered_disabling_ends_once_more
        an_unanswered_voiding_ends_once_more
        an_unanswered_deletion_finds_nothing
        an_unanswered_user_is_recognised
        an_unanswered_password_ends_once_more
        an_unanswered_password_over_the_one_seen_is_recognised
        an_unanswered_profile_is_recognised
        an_unanswered_replacement_of_a_user_is_recognised
        an_unanswered_session_is_recognised
        an_unanswered_reauthentication_is_recognised
        an_unanswered_end_of_a_session_is_recognised
        an_unanswered_consent_has_no_second_effect
        an_unanswered_forgetting_has_no_second_effect
        an_unanswered_grant_is_recognised
        an_unanswered_redemption_is_recognised
        an_unanswered_rotation_is_recognised
        an_unanswered_burning_is_recognised
        an_unanswered_revocation_is_recognised
        an_unanswered_denial_is_recognised
        an_unanswered_attempt_counts_once_or_twice
    }
    race {
        one_of_64_makes_a_ring
        one_of_64_replaces_a_ring
        one_of_64_creates_a_client
        one_of_64_replaces_a_client
        a_client_is_either_deleted_or_replaced
        one_of_64_deletes_a_client
        one_of_64_gets_a_name
        one_of_64_gets_two_names_asked_for_in_either_order
        one_of_64_gets_an_identifier_added
        one_of_64_sets_a_password_over_the_one_seen
        one_of_64_changes_a_profile
        one_of_64_deletes_a_user
        one_of_64_starts_a_session
        one_of_64_reauthenticates
        one_of_64_ends_a_session
        a_session_is_reauthenticated_or_ended_never_both
        sixty_four_consents_add_up
        n126_one_of_64_denies_a_token
        n150_sixty_four_attempts_add_up
    }
    grant_race {
        one_of_64_creates_a_grant
        n052_one_of_64_redeems_a_code
        one_of_64_burns_a_code
        one_of_64_revokes_a_grant
        a_code_is_redeemed_or_burnt_never_both
        sixty_four_deliveries_of_one_call_are_one_write
        n072_one_of_64_rotates_a_refresh_token
        n072_one_of_64_rotates_to_the_same_successor
        a_refresh_token_is_prolonged_by_all_but_rotated_once
        what_was_revoked_does_not_rotate
    }
    sweep {
        n225_sweeping_takes_only_what_expired
        a_grant_is_kept_by_its_redemption
        sweeping_is_bounded_and_goes_on_until_nothing_is_left
    }
}
