//! Models for loom of who ends a wait.

use super::{Abandoned, Claim, Taken};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// A shard that serves at its second attempt, a worker that gives up, and another that unblocks: one of them ends
/// the wait, and knows.
#[test]
fn one_of_them_ends_the_wait() {
    loom::model(|| {
        let claim = Arc::new(Claim::default());
        let serves = {
            let claim = Arc::clone(&claim);
            thread::spawn(move || match claim.take() {
                Taken::Ours if !claim.put_back() => true,
                Taken::Ours if claim.take() == Taken::Ours => {
                    claim.finish();
                    true
                }
                _ => false,
            })
        };
        let unblocks = {
            let claim = Arc::clone(&claim);
            thread::spawn(move || claim.end())
        };
        let abandoned = claim.abandon();
        let is_served = serves.join().expect("no panic");
        let is_unblocked = unblocks.join().expect("no panic");
        let ends = [is_served, is_unblocked, abandoned == Abandoned::Now];
        assert_eq!(ends.iter().filter(|end| **end).count(), 1, "{ends:?}");
        assert!(abandoned != Abandoned::Later || is_served, "who is told to expect a reply gets one");
        assert!(claim.is_over());
    });
}

/// Two shards have promised to serve it, of which one finds nothing, and a worker gives up: one of them ends the wait.
#[test]
fn of_two_promises_one_at_most_ends_the_wait() {
    loom::model(|| {
        let claim = Arc::new(Claim::default());
        let stores = Arc::new(Mutex::new(()));
        let promise = |finds: bool| {
            let (claim, stores) = (Arc::clone(&claim), Arc::clone(&stores));
            thread::spawn(move || {
                if claim.take() == Taken::Over {
                    return false;
                }
                let _in_hand = stores.lock().expect("no panic");
                if claim.take() == Taken::Over {
                    return false;
                }
                if finds || claim.is_abandoned() {
                    claim.finish();
                    return true;
                }
                !claim.put_back()
            })
        };
        let shards = [promise(true), promise(false)];
        let abandoned = claim.abandon();
        let served = shards.map(|shard| shard.join().expect("no panic"));
        let ends = [served[0], served[1], abandoned == Abandoned::Now];
        assert_eq!(ends.iter().filter(|end| **end).count(), 1, "{ends:?}");
        assert!(claim.is_over());
    });
}
