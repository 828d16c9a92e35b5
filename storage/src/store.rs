//! The trait through which everything is kept. Each operation is declared once, in the list below, with its access,
//! its signature and its documentation: the traits, every backend's implementation and the tap are made from it.
//!
//! The access says what an operation does to the store, and by that which thread, deadline or count it belongs to:
//! `Read`; `Heavy`, a read of more than one request needs; `Write`; `Upkeep`, which serves no request.

use crate::signature::*;
use async_trait::async_trait;

/// How many records one [`Store::sweep`] deletes at most.
pub const SWEEP_LIMIT: u64 = 500;

/// How many ids [`Store::members`] returns at most.
pub const MEMBERS_LIMIT: u32 = 100;

macro_rules! operations {
    ($with:ident) => {
        $with! {
            /// Everything Keyward keeps, for one realm.
            ///
            /// A method is one atomic operation. A *step* is a guarded write: its condition repeats whatever a race
            /// could have changed since the caller read, and it returns [`Commit::Lost`] with the record that is there
            /// if the condition is not met. A step that is repeated with the same [`Stamp`] recognises its own
            /// earlier effect and returns [`Commit::Done`] again, unless it is a deletion.
            ///
            /// Expiry is the caller's to check on read. A backend may delete what has expired, and nothing depends
            /// on when it does.
            ///
            /// | flow | operations |
            /// |---|---|
            /// | sign-in | [`find_user`](Self::find_user), [`load_sign_in`](Self::load_sign_in), [`start_session`](Self::start_session), [`reauthenticate`](Self::reauthenticate), [`end_session`](Self::end_session) |
            /// | attempt limits | [`debts`](Self::debts), [`note_attempt`](Self::note_attempt) |
            /// | consent | [`remember_consent`](Self::remember_consent), [`forget_consent`](Self::forget_consent) |
            /// | code | [`create_grant`](Self::create_grant), [`load_grant`](Self::load_grant), [`redeem_code`](Self::redeem_code), [`burn_code`](Self::burn_code) |
            /// | refresh | [`load_grant`](Self::load_grant), [`rotate_refresh`](Self::rotate_refresh) |
            /// | access tokens and revocation | [`load_token`](Self::load_token), [`deny_token`](Self::deny_token), [`revoke_grant`](Self::revoke_grant) |
            /// | account | [`user`](Self::user), [`create_user`](Self::create_user), [`add_identifier`](Self::add_identifier), [`set_password`](Self::set_password), [`set_profile`](Self::set_profile), [`replace_user`](Self::replace_user), [`set_user_disabled`](Self::set_user_disabled), [`void_user`](Self::void_user), [`delete_user`](Self::delete_user), [`belongings`](Self::belongings), [`delete_belongings`](Self::delete_belongings) |
            /// | groups | [`groups`](Self::groups), [`create_group`](Self::create_group), [`replace_user`](Self::replace_user), [`close_group`](Self::close_group), [`members`](Self::members), [`leave_group`](Self::leave_group), [`delete_group`](Self::delete_group) |
            /// | clients | [`client`](Self::client), [`create_client`](Self::create_client), [`replace_client`](Self::replace_client), [`delete_client`](Self::delete_client) |
            /// | operators' lists | [`clients`](Self::clients), [`users`](Self::users) |
            /// | keys and issuer | [`ring`](Self::ring), [`replace_ring`](Self::replace_ring), [`issuer`](Self::issuer), [`replace_issuer`](Self::replace_issuer) |
            /// | upkeep | [`probe`](Self::probe), [`change_mark`](Self::change_mark), [`sweep`](Self::sweep) |
            ///
            /// # Errors
            /// Every operation may fail with
            /// - [`StoreErrorKind::Busy`](crate::StoreErrorKind::Busy): a lock, a throttle or a deadline, or another
            ///   caller kept changing the record;
            /// - [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable): the disk, the file, the table or
            ///   the network is gone;
            /// - [`StoreErrorKind::Corrupt`](crate::StoreErrorKind::Corrupt): a record can't be understood, or is of
            ///   a newer program's format.
            ///
            /// After an error a write may have been applied or not.
            trait Store: Transfer;

            // Sign-in.

            /// Reads which user an identifier leads to, and the debts of `attempts`.
            Read find_user(identifier: &Identifier, attempts: &[AttemptKey]) -> Found;
            /// Reads the user, the session, the user's consent with the client, and the debts of `attempts`.
            Read load_sign_in(
                user: &UserId, session: Option<SessionId>, client: &ClientId, attempts: &[AttemptKey]
            ) -> SignInView;
            /// Puts a session and deletes the user's surplus ones ([`protocol::session::surplus`]). Lost when the id
            /// is taken (128 random bits: a broken generator).
            Write start_session(session: &Session, stamp: Stamp) -> Commit<Session>;
            /// Replaces the secret, authentication and authority of a session by those of `session`, whose user
            /// authenticated again. Lost unless the session exists, has not ended, and its secret is still `seen`.
            Write reauthenticate(session: &Session, seen: &Digest, stamp: Stamp) -> Commit<Session>;
            /// Ends a session, and thereby the grants that need it: sets its `ended_at`. Lost unless the session
            /// exists, has not ended, and its secret is still `seen`.
            Write end_session(
                user: &UserId, session: &SessionId, seen: &Digest, stamp: Stamp
            ) -> Commit<Session>;

            // Attempt limits.

            /// Reads the debts of counters, in their order; the epoch for a counter that was never touched.
            Read debts(attempts: &[AttemptKey]) -> Vec<Timestamp>;
            /// Counts a failed attempt: the debt becomes [`Limit::after`]. Returns the new debt. Not guarded: a
            /// repeated call may count twice.
            Write note_attempt(attempt: AttemptKey, limit: Limit, stamp: Stamp) -> Timestamp;

            // Consent.

            /// Adds to what a user agreed to with a client under the same authority, or replaces what was agreed
            /// under another ([`Consent::added_to`]).
            Write remember_consent(consent: &Consent, stamp: Stamp) -> ();
            /// Deletes what a user agreed to with a client.
            Write forget_consent(user: &UserId, client: &ClientId, stamp: Stamp) -> ();

            // Authorization code.

            /// Puts a grant and deletes the surplus ones of its user and client ([`protocol::grant::surplus`]). Lost
            /// with the grant that has its id already. Lost with none unless the user's remembered consent with the
            /// client covers `agreed` (`None`: no consent is needed): whoever forgets the consent and lists the
            /// grants after that finds every grant that was made by it.
            Write create_grant(grant: &Grant, agreed: Option<Scope>, stamp: Stamp) -> Commit<Grant>;
            /// Reads a grant, its user, and its session if the grant needs it ([`Grant::needs_session`]).
            Read load_grant(at: GrantLocator) -> GrantView;
            /// Redeems the code: sets `redeemed_at`, and the refresh token that is issued for it. Lost unless the
            /// code is `code`, is neither redeemed nor expired, and the grant is not revoked (RFC 6749 §4.1.2).
            Write redeem_code(
                key: GrantKey, code: &Digest, refresh: Option<Refresh>, stamp: Stamp
            ) -> Commit<Grant>;
            /// Revokes a grant whose code was never redeemed. Lost when it was redeemed or revoked before.
            Write burn_code(key: GrantKey, stamp: Stamp) -> Commit<Grant>;

            // Refresh token.

            /// Replaces the newest refresh token of a grant by `next`, or prolongs it. Lost unless the newest one has
            /// the digest and generation of `seen` and the grant is not revoked.
            Write rotate_refresh(key: GrantKey, seen: &Refresh, next: &Refresh, stamp: Stamp) -> Commit<Grant>;

            // Access tokens and revocation.

            /// Reads whether an access token (its hashed `jti`) is denied, with its grant, user and session as
            /// [`load_grant`](Self::load_grant) reads them; `grant` is `None` for a client's own token.
            Read load_token(token: &Digest, grant: Option<GrantLocator>) -> TokenView;
            /// Denies an access token until it would have expired. Lost when it is denied already, with that instant.
            Write deny_token(token: &Digest, expires_at: Timestamp, stamp: Stamp) -> Commit<Timestamp>;
            /// Revokes a grant. Lost when it was revoked before; the first reason stays.
            Write revoke_grant(key: GrantKey, reason: RevocationReason, stamp: Stamp) -> Commit<Grant>;

            // Account.

            /// Reads one user.
            Read user(id: &UserId) -> Option<User>;
            /// Puts a user with all identifiers, or nothing. Lost when the id or one identifier is taken.
            Write create_user(user: &User, identifiers: &[Identifier], stamp: Stamp) -> Commit<User>;
            /// Adds an identifier that leads to an existing user. Lost with the user it leads to already, or with
            /// none when there is no such user.
            Write add_identifier(id: &UserId, identifier: &Identifier, stamp: Stamp) -> Commit<UserId>;
            /// Sets a password and begins the user's next generation ([`Generation::next`]), which ends what the user
            /// has. Lost when there is no such user, or its generation is no longer `seen` (`None`: any).
            Write set_password(
                id: &UserId, seen: Option<Generation>, password: &PasswordHash, stamp: Stamp
            ) -> Commit<User>;
            /// Replaces address, claims and `updated_at` by those of `user`. Lost unless the record was last updated
            /// at `seen` and `user` is later than that (else two changes in one millisecond would both be done), or
            /// when the record has a verified address and `user` another one.
            Write set_profile(user: &User, seen: Timestamp, stamp: Stamp) -> Commit<User>;
            /// Replaces user name, address, its verification, claims, groups and `updated_at` by those of `user`, and the
            /// user's identifiers by these: nobody finds the user by another one any more. Lost with whom one of them
            /// leads to. Lost unless the record was last updated at `seen` and `user` is later than that, as for
            /// [`set_profile`](Self::set_profile). Lost with the record that was seen unless the groups `joins` are
            /// there and open.
            Write replace_user(
                user: &User, identifiers: &[Identifier], joins: &[GroupName], seen: Timestamp, stamp: Stamp
            ) -> Commit<User>;
            /// Disables a user and begins the next generation, which ends for good what the user has; or enables the
            /// user again. Lost when there is no such user.
            Write set_user_disabled(id: &UserId, disabled: bool, stamp: Stamp) -> Commit<User>;
            /// Begins a user's next generation, which ends what the user has. Lost when there is no such user.
            Write void_user(id: &UserId, stamp: Stamp) -> Commit<User>;
            /// Deletes a user with all identifiers, which ends what the user has;
            /// [`delete_belongings`](Self::delete_belongings) deletes that. Lost when there is no such user.
            Write delete_user(id: &UserId, stamp: Stamp) -> Commit<User>;
            /// Reads a page of a user's consents, grants and sessions: at most
            /// [`BELONGINGS_LIMIT`](crate::BELONGINGS_LIMIT) records behind a place (`None`: from the start), ended
            /// and expired ones included.
            Heavy belongings(user: &UserId, behind: Option<Place>) -> Belongings;
            /// Deletes some of a user's consents, grants and sessions, at most
            /// [`BELONGINGS_LIMIT`](crate::BELONGINGS_LIMIT) records. Returns how many; call again until it is 0.
            Write delete_belongings(user: &UserId) -> u64;

            // Groups.

            /// Reads all groups, by name.
            Heavy groups() -> Vec<Group>;
            /// Puts a group. Lost when there is one of its name.
            Write create_group(group: &Group, stamp: Stamp) -> Commit<Group>;
            /// Marks a group as one that is being deleted. Lost unless it has the `created_at` that was seen. Whoever lists
            /// the members after that finds everybody who was added.
            Write close_group(seen: &Group, stamp: Stamp) -> Commit<Group>;
            /// Reads a page of the ids of those who are in a group: at most [`MEMBERS_LIMIT`] behind the last one of the
            /// page before (`None`: from the start). None: there are no more.
            Heavy members(group: &GroupName, behind: Option<UserId>) -> Vec<UserId>;
            /// Takes a user out of a group that is being deleted, if in it. Lost when there is no such user, and unless the
            /// group has the `created_at` that was seen and is marked: members of a later group of its name stay.
            Write leave_group(user: &UserId, seen: &Group, stamp: Stamp) -> Commit<User>;
            /// Deletes a group. Lost unless it has the `created_at` that was seen and is marked. Who is in it stays.
            Write delete_group(seen: &Group, stamp: Stamp) -> Commit<Group>;

            // Clients.

            /// Reads one client.
            Read client(id: &ClientId) -> Option<Client>;
            /// Puts a client. Lost when the id is taken.
            Write create_client(client: &Client, stamp: Stamp) -> Commit<Client>;
            /// Replaces a client by its next revision. Lost unless the record has the revision before it and the same
            /// `created_at`: a client that was registered again under an old id counts its revisions from the start.
            Write replace_client(client: &Client, stamp: Stamp) -> Commit<Client>;
            /// Deletes a client, and its consents where a backend can do both in one write: those that stay don't
            /// count for a later client of that id ([`Consent::counts`]). Lost unless the record has the revision and the
            /// `created_at` that were seen.
            Write delete_client(seen: &Client, stamp: Stamp) -> Commit<Client>;

            // Operators' lists.

            /// Reads all clients, by id.
            Heavy clients() -> Vec<Client>;
            /// Reads all users, by creation time and id.
            Heavy users() -> Vec<User>;

            // Keys and issuer.

            /// Reads a document of the key ring.
            Read ring(document: RingDocument) -> Option<Document>;
            /// Puts `body` as the version after `seen` (`None`: as the first). Lost when the version is not `seen`.
            Write replace_ring(
                document: RingDocument, seen: Option<u64>, body: &str, stamp: Stamp
            ) -> Commit<Document>;
            /// Reads the issuer this store belongs to.
            Read issuer() -> Option<String>;
            /// Binds the store to an issuer. Lost unless it belonged to `seen` (`None`: to no issuer).
            Write replace_issuer(seen: Option<String>, issuer: &str, stamp: Stamp) -> Commit<String>;

            // Upkeep.

            /// Fails unless the store answers and can be written.
            Upkeep probe() -> ();
            /// Reads a number that changes when another process wrote; always 0 where a backend can't tell.
            Upkeep change_mark() -> u64;
            /// Deletes what expired before `before` (a grant: [`Grant::kept_until`]), at most [`SWEEP_LIMIT`] records
            /// so that other writes get their turn. Returns how many; call again until it is 0. Always 0 where the
            /// backend deletes expired records itself.
            Upkeep sweep(before: Timestamp) -> u64;
        }
        $with! {
            /// What only a move of a store to another backend needs, besides [`Store`].
            ///
            /// # Errors
            /// As [`Store`].
            trait Transfer;

            /// Reads the id of every user, in any order.
            Heavy user_ids() -> Vec<UserId>;
            /// Reads every denied access token, expired ones included, by token.
            Heavy denied_tokens() -> Vec<DeniedToken>;
            /// Puts a session as it was in another store. Lost when the id is taken.
            Write restore_session(session: &Session, stamp: Stamp) -> Commit<Session>;
            /// Puts a grant as it was in another store. Lost with the grant that has its id already.
            Write restore_grant(grant: &Grant, stamp: Stamp) -> Commit<Grant>;
        }
    };
}

pub(crate) use operations;

macro_rules! declare {
    (
        $(#[$about:meta])* trait $trait:ident $(: $base:ident)?;
        $($(#[$doc:meta])* $access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+
    ) => {
        $(#[$about])*
        #[async_trait]
        pub trait $trait: $($base +)? Send + Sync + 'static {$(
            $(#[$doc])*
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError>;
        )+}
    };
}

operations!(declare);
