//! Counters: their rows are differences, which are melted into one from time to time.

use crate::queries::statements;

statements! {
    "counters";
    FOLD_JOB_HOURS: "fold_job_hours";
    FOLD_TOTALS: "fold_totals";
}
