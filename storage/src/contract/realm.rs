//! Cases of the realm's own records, and of the store as a whole.

use super::sample::{call, lost};
use crate::{Commit, Document, RingDocument, Store};
use std::sync::Arc;

pub async fn an_issuer_is_bound_and_replaced(store: Arc<dyn Store>) {
    assert_eq!(store.issuer().await.unwrap(), None);
    let mut seen = None;
    for (issuer, number) in [("https://auth.example/t1", 1), ("http://localhost:8080", 2)] {
        for _ in 0..2 {
            // The second time, as if the answer had been lost.
            let done = store.replace_issuer(seen.clone(), issuer, call(number)).await.unwrap();
            assert_eq!(done, Commit::Done);
        }
        seen = Some(issuer.to_owned());
        assert_eq!(store.issuer().await.unwrap(), seen);
    }
}

pub async fn an_issuer_is_lost_to_another(store: Arc<dyn Store>) {
    let theirs = Some("https://auth.example".to_owned());
    let early = store.replace_issuer(theirs.clone(), "https://early.example", call(1)).await.unwrap();
    assert_eq!(early, Commit::Lost(None), "it belongs to nobody");
    assert!(store.replace_issuer(None, "https://auth.example", call(2)).await.unwrap().is_done());
    for seen in [None, Some("https://auth.example/".to_owned()), Some(String::new())] {
        let late = store.replace_issuer(seen, "https://late.example", call(3)).await.unwrap();
        assert_eq!(late, lost("https://auth.example".to_owned()));
    }
    assert_eq!(store.issuer().await.unwrap(), theirs);
}

pub async fn a_ring_document_goes_from_version_to_version(store: Arc<dyn Store>) {
    // A ring of nine keys is several thousand characters.
    let bodies = ["{}".to_owned(), r#"{"k":"'é\\u0000"}"#.repeat(500), String::new()];
    for document in [RingDocument::Ring, RingDocument::RetiredKeys] {
        assert_eq!(store.ring(document).await.unwrap(), None);
        let mut seen = None;
        for (body, version) in bodies.iter().zip(1..) {
            let done = store.replace_ring(document, seen, body, call(1)).await.unwrap();
            assert_eq!(done, Commit::Done);
            let kept = store.ring(document).await.unwrap();
            assert_eq!(kept, Some(Document { version, body: body.clone() }));
            seen = Some(version);
        }
    }
}

pub async fn a_ring_is_lost_to_another_version(store: Arc<dyn Store>) {
    let ring = RingDocument::Ring;
    let early = store.replace_ring(ring, Some(1), "early", call(1)).await.unwrap();
    assert_eq!(early, Commit::Lost(None), "there is nothing to replace");
    for (seen, body) in [(None, "a"), (Some(1), "b")] {
        assert!(store.replace_ring(ring, seen, body, call(2)).await.unwrap().is_done());
    }
    let there = Document { version: 2, body: "b".into() };
    for seen in [None, Some(0), Some(1), Some(3), Some(u64::MAX)] {
        let late = store.replace_ring(ring, seen, "late", call(3)).await.unwrap();
        assert_eq!(late, lost(there.clone()), "seen {seen:?}");
    }
    assert_eq!(store.ring(ring).await.unwrap(), Some(there));
    assert_eq!(store.ring(RingDocument::RetiredKeys).await.unwrap(), None);
}

pub async fn it_answers_and_its_own_writes_leave_no_mark(store: Arc<dyn Store>) {
    store.probe().await.unwrap();
    let mark = store.change_mark().await.unwrap();
    assert!(store.replace_issuer(None, "https://auth.example", call(1)).await.unwrap().is_done());
    store.probe().await.unwrap();
    assert_eq!(store.change_mark().await.unwrap(), mark);
}
