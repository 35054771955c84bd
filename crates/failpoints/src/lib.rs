//! Places at which a test makes the server die or wait: the instants between two steps at which a crash would hurt most,
//! named in the code that makes the steps. And the one way to show the server another time.
//!
//! Everything here is empty, and compiled away, unless the feature `enabled` is on. Only the executable
//! `sfumato-with-failpoints` has it, which the end-to-end tests build for themselves. There the variable
//! `SFUMATO_FAILPOINT` holds what happens where, as `name:abort`, `name:abort:2` for the second time that the process comes
//! there, or `name:MILLISECONDS`, parted by commas; and the file that `SFUMATO_CLOCK_FILE` names holds by how many seconds the
//! wall clock is wrong.
#![forbid(unsafe_code)]

#[cfg(any(feature = "enabled", test))]
mod enabled;

#[cfg(any(feature = "enabled", test))]
pub use enabled::{clock_error_micros, hit};

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $point:ident = $name:literal,)+) => {
        /// A place.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($(#[doc = $doc])+ $point,)+
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point),+];

            /// What it is called in the variable.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// The original is stored, and no row names it.
    AfterBlobBeforeRow = "after_blob_before_row",
    /// The job exists, and its client has not been told.
    AfterRowBeforeResponse = "after_row_before_response",
    /// Jobs are leased, and nobody works on them.
    AfterClaim = "after_claim",
    /// A job runs, and its lease is about to be extended.
    BeforeHeartbeat = "before_heartbeat",
    /// A media process was started, and is not ready.
    ChildSpawned = "child_spawned",
    /// A media process has done its task, and its result is nowhere else.
    ChildExitBeforePut = "child_exit_before_put",
    /// The result is stored, and no row names it.
    AfterResultPut = "after_result_put",
    /// The job has ended in a transaction that lacks the event.
    InsideFinishTx = "inside_finish_tx",
    /// The job has ended, and nothing in the process knows.
    AfterFinish = "after_finish",
    /// A delivery is leased, and not sent.
    AfterClaimDelivery = "after_claim_delivery",
    /// A delivery is answered, and that is not recorded.
    AfterPostBeforeRecord = "after_post_before_record",
    /// An attempt is recorded, and nothing in the process knows.
    AfterRecord = "after_record",
    /// A row says that an original or a result is gone, and its blob is there.
    RetentionRowBeforeBlob = "retention_row_before_blob",
    /// A migration is applied in a transaction that does not say so.
    MigrationHalf = "migration_half",
    /// The database is about to commit: to wait here is a disk that is slow to write.
    SlowFsync = "slow_fsync",
    /// A blob is about to become visible: the same, where blobs lie.
    SlowBlobSync = "slow_blob_sync",
}

/// Does at a place what the variable says.
#[cfg(not(any(feature = "enabled", test)))]
#[inline(always)]
pub const fn hit(_point: Point) {}

/// By how many microseconds the wall clock is wrong.
#[cfg(not(any(feature = "enabled", test)))]
#[inline(always)]
pub const fn clock_error_micros() -> i64 {
    0
}
