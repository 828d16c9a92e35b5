//! The limit of open files, and the number of connections that follows from it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The descriptors that the store, the logs and the runtime need.
const RESERVE: usize = 64;
/// The most descriptors that are of use.
const MOST: u64 = 16 * 1024;

/// Raises the soft limit to the hard one, as far as that is of use. Returns the number of descriptors.
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(MOST, |maximum| maximum.min(MOST));
    if current.is_none_or(|current| current >= wanted) {
        return count(current.unwrap_or(MOST));
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => count(wanted),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files can't be raised");
            count(current.unwrap_or(MOST))
        }
    }
}

/// How many connections this number of descriptors allows. A quarter is left for outbound calls: a request may need one to
/// DynamoDB.
pub const fn connections(descriptors: usize) -> usize {
    descriptors.saturating_sub(RESERVE) / 4 * 3
}

fn count(descriptors: u64) -> usize {
    usize::try_from(descriptors).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n251_connections_leave_descriptors_for_everything_else() {
        for (descriptors, allowed) in [(0, 0), (64, 0), (128, 48), (1024, 720), (16 * 1024, 12_240)] {
            assert_eq!(connections(descriptors), allowed);
        }
    }
}
