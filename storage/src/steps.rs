//! The steps of [`Store`](crate::Store) as a list, for what goes through every one of them alike: each backend's
//! way to its own functions, and the tap. A step that is missing here does not compile there.

macro_rules! steps {
    ($with:ident) => {
        $with! {
            Read issuer() -> Option<String>;
            Write replace_issuer(seen: Option<String>, issuer: &str, stamp: Stamp) -> Commit<String>;
            Read ring(document: RingDocument) -> Option<Document>;
            Write replace_ring(
                document: RingDocument, seen: Option<u64>, body: &str, stamp: Stamp
            ) -> Commit<Document>;
            Read client(id: &ClientId) -> Option<Client>;
            Heavy clients() -> Vec<Client>;
            Write create_client(client: &Client, stamp: Stamp) -> Commit<Client>;
            Write replace_client(client: &Client, stamp: Stamp) -> Commit<Client>;
            Write delete_client(id: &ClientId, stamp: Stamp) -> Commit<Client>;
            Read find_user(identifier: &Identifier, attempts: &[AttemptKey]) -> Found;
            Read user(id: &UserId) -> Option<User>;
            Heavy users() -> Vec<User>;
            Write create_user(user: &User, identifiers: &[Identifier], stamp: Stamp) -> Commit<User>;
            Write add_identifier(id: &UserId, identifier: &Identifier, stamp: Stamp) -> Commit<UserId>;
            Write set_user_disabled(id: &UserId, disabled: bool, stamp: Stamp) -> Commit<User>;
            Write set_password(
                id: &UserId, seen: Option<Generation>, password: &PasswordHash, stamp: Stamp
            ) -> Commit<User>;
            Write void_user(id: &UserId, stamp: Stamp) -> Commit<User>;
            Write set_profile(user: &User, seen: Timestamp, stamp: Stamp) -> Commit<User>;
            Write delete_user(id: &UserId, stamp: Stamp) -> Commit<User>;
            Write delete_belongings(user: &UserId) -> u64;
            Heavy belongings(user: &UserId, behind: Option<Place>) -> Belongings;
            // For moving a store, like `denied_tokens`.
            Heavy user_ids() -> Vec<UserId>;
            Read load_sign_in(
                user: &UserId, session: Option<SessionId>, client: &ClientId, attempts: &[AttemptKey]
            ) -> SignInView;
            Write start_session(session: &Session, stamp: Stamp) -> Commit<Session>;
            Write restore_session(session: &Session, stamp: Stamp) -> Commit<Session>;
            Write reauthenticate(session: &Session, seen: &Digest, stamp: Stamp) -> Commit<Session>;
            Write end_session(
                user: &UserId, session: &SessionId, seen: &Digest, stamp: Stamp
            ) -> Commit<Session>;
            Write remember_consent(consent: &Consent, stamp: Stamp) -> ();
            Write forget_consent(user: &UserId, client: &ClientId, stamp: Stamp) -> ();
            Write create_grant(grant: &Grant, agreed: Option<Scope>, stamp: Stamp) -> Commit<Grant>;
            Write restore_grant(grant: &Grant, stamp: Stamp) -> Commit<Grant>;
            Read load_grant(at: GrantLocator) -> GrantView;
            Write redeem_code(
                key: GrantKey, code: &Digest, refresh: Option<Refresh>, stamp: Stamp
            ) -> Commit<Grant>;
            Write rotate_refresh(key: GrantKey, seen: &Refresh, next: &Refresh, stamp: Stamp) -> Commit<Grant>;
            Write burn_code(key: GrantKey, stamp: Stamp) -> Commit<Grant>;
            Write revoke_grant(key: GrantKey, reason: RevocationReason, stamp: Stamp) -> Commit<Grant>;
            Read load_token(token: &Digest, grant: Option<GrantLocator>) -> TokenView;
            Write deny_token(token: &Digest, expires_at: Timestamp, stamp: Stamp) -> Commit<Timestamp>;
            Heavy denied_tokens() -> Vec<DeniedToken>;
            Read debts(attempts: &[AttemptKey]) -> Vec<Timestamp>;
            Write note_attempt(attempt: AttemptKey, limit: Limit, stamp: Stamp) -> Timestamp;
            // These serve no request.
            Upkeep probe() -> ();
            Upkeep change_mark() -> u64;
            Upkeep sweep(before: Timestamp) -> u64;
        }
    };
}

pub(crate) use steps;
