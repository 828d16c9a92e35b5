//! A family: the refresh tokens of one grant, as seen from store and answers. What must be true after every step is
//! derived from time alone, so that it is not the rotation's table written a second time.

use crate::sign_in::refresh_token;
use conformance::Answer;
use protocol::grant::{Grant, GrantKey, RevocationReason};
use protocol::secret::Digest;
use protocol::time::Timestamp;
use std::time::Duration;

/// How long a token that was rotated away is answered; the server's default.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// A token that is or was the newest.
struct Head {
    digest: Digest,
    since: Timestamp,
    /// Known from the first answer with it.
    text: Option<String>,
}

/// A family.
pub(crate) struct Family {
    /// The key of its grant.
    pub(crate) key: GrantKey,
    /// Whether a thief has a token of it.
    pub(crate) stolen: bool,
    /// Whether its grant was revoked.
    pub(crate) over: bool,
    heads: Vec<Head>,
}

impl Family {
    /// The family of a grant whose first token was just issued.
    pub(crate) fn new(grant: &Grant, first: &str, now: Timestamp) -> Self {
        let tip = grant.refresh.as_ref().unwrap();
        assert_eq!((tip.generation, tip.rotated_at), (0, None));
        let head = Head { digest: tip.digest, since: now, text: Some(first.to_owned()) };
        Self { key: grant.key(), stolen: false, over: false, heads: vec![head] }
    }

    /// How often it was rotated.
    pub(crate) fn rotations(&self) -> usize {
        self.heads.len() - 1
    }

    /// Whether a token was rotated away, and its grace has ended.
    pub(crate) fn is_spent(&self, token: &str, now: Timestamp) -> bool {
        let known = self.heads.iter().position(|head| head.text.as_deref() == Some(token));
        let successor = self.heads.get(known.unwrap() + 1);
        successor.is_some_and(|successor| now.since(successor.since) >= GRACE)
    }

    /// What must be true after tokens were presented at one instant and answered; `grant` is what is stored now.
    pub(crate) fn check(&mut self, exchanged: &[(&str, Answer)], grant: &Grant, now: Timestamp) {
        let spent: Vec<bool> = exchanged.iter().map(|(token, _)| self.is_spent(token, now)).collect();
        let was_over = self.over;
        self.over = grant.revoked.is_some();
        self.check_head(grant, was_over, now);
        if self.over && !was_over {
            assert_eq!(grant.revoked.unwrap().reason, RevocationReason::RefreshReused);
            assert!(spent.contains(&true), "revoked, and nobody presented a spent token");
            assert!(self.stolen, "revoked, and nothing was stolen");
        }
        for ((_, answer), spent) in exchanged.iter().zip(spent) {
            match answer.status.as_u16() {
                200 => {
                    assert!(!spent && !was_over, "answered, though spent or revoked");
                    self.check_token(refresh_token(answer));
                }
                503 => {}
                // When one of the two parties is refused, the family has ended for both.
                _ => {
                    answer.assert_token_error(400, "invalid_grant");
                    assert!(self.over, "refused, but the other party may continue");
                }
            }
        }
    }

    /// One newest token: it stays, or it rotates once per grace.
    fn check_head(&mut self, grant: &Grant, was_over: bool, now: Timestamp) {
        let tip = grant.refresh.as_ref().unwrap();
        let (generation, head) = (tip.generation as usize, self.heads.last().unwrap());
        if generation == self.rotations() {
            assert_eq!(tip.digest, head.digest, "another secret of the same generation");
            return;
        }
        assert_eq!(generation, self.heads.len(), "a generation was left out or came back");
        assert!(self.rotations() == 0 || now.since(head.since) >= GRACE, "two rotations in one grace");
        assert!(self.heads.iter().all(|head| head.digest != tip.digest), "a secret came back");
        assert!(!was_over, "rotated, though revoked");
        self.heads.push(Head { digest: tip.digest, since: now, text: None });
    }

    /// Whatever was presented, the answer has the newest token.
    fn check_token(&mut self, token: String) {
        let rotations = self.rotations();
        let earlier = self.heads[..rotations].iter().any(|head| head.text.as_deref() == Some(token.as_str()));
        assert!(!earlier, "answered with a token that is not the head");
        let known = self.heads[rotations].text.get_or_insert_with(|| token.clone());
        assert_eq!(*known, token, "two live tokens: a fork");
    }
}
