//! What every store must show: one function a case, its name the sentence that it proves. A case gets an empty store with
//! a clock that stands still.
#![expect(clippy::unwrap_used, reason = "whatever a case does not expect fails it")]
#![expect(missing_docs, reason = "the name of a case says what it shows")]

pub mod access;
pub mod audit;
pub mod concurrency;
pub mod deliveries;
pub mod discarding;
pub mod endpoints;
pub mod events;
pub mod installations;
pub mod jobs;
pub mod keys;
pub mod leases;
pub mod lists;
pub mod parts;
pub mod policies;
pub mod queue;
pub mod reading;
pub mod replays;
pub mod resends;
pub mod retention;
pub mod revisions;
pub mod secrets;
pub mod settings;
pub mod statistics;
pub mod users;

/// Makes a test of every case.
///
/// `$open` is a path to `async fn(Arc<SimClock>, Arc<SimEntropy>) -> (Arc<dyn Store>, K)` that opens an empty store with
/// these sources; what `K` holds, such as a temporary folder, lives as long as the test. The crate that says this needs
/// `tokio`.
#[macro_export]
macro_rules! store_conformance {
    ($open:path) => {
        $crate::store_conformance! {
            @modules $open;
            access: a_client_is_found_by_its_key, an_unknown_key_names_no_client,
                clients_are_listed_oldest_first, a_key_names_one_client_only,
                a_rotated_secret_leaves_the_previous_one_until_its_time,
                a_second_rotation_forgets_the_oldest_secret,
                a_client_that_does_not_exist_cannot_be_changed,
                a_renamed_client_is_the_same_otherwise, a_new_login_has_a_session,
                a_login_that_does_not_exist_has_no_session,
                a_revoked_login_stays_revoked_and_takes_no_other_with_it,
                a_client_that_is_shut_out_shows_so_in_its_sessions,
                a_refresh_token_is_exchanged_for_the_next,
                a_refresh_token_that_is_used_twice_ends_the_whole_login,
                a_refresh_token_that_does_not_exist_is_refused,
                a_refresh_token_works_until_it_expires,
                a_refresh_token_of_a_revoked_login_is_refused,
                a_refresh_token_of_a_client_that_is_shut_out_is_refused,
                another_clients_refresh_token_changes_nothing,
                pruning_forgets_only_what_has_ended,
                a_login_of_a_client_that_does_not_exist_is_refused,
                a_working_store_answers_a_ping;
            installations: a_database_belongs_to_the_installation_that_came_first,
                whoever_comes_at_the_same_time_belongs_to_the_same_installation;
            jobs: a_submitted_job_reads_back_as_it_was_written,
                a_job_that_does_not_exist_is_none, a_job_is_invisible_to_other_clients,
                a_job_that_exists_is_not_submitted_again,
                a_job_of_a_client_that_does_not_exist_is_refused,
                waiting_jobs_are_claimed_oldest_first_up_to_the_limit,
                a_claim_makes_a_job_run_under_a_lease,
                a_heartbeat_extends_the_lease_and_records_progress,
                a_job_that_is_handed_back_goes_before_younger_ones_and_spends_no_attempt,
                a_success_keeps_everything_about_its_result,
                a_result_names_its_job_to_its_client_alone,
                a_passing_failure_waits_for_its_backoff,
                a_failure_is_final_when_the_attempts_are_spent,
                bad_input_and_our_own_faults_are_final_at_once,
                a_stale_lease_is_refused_everywhere_and_writes_nothing,
                a_lease_on_a_job_that_does_not_exist_is_lost,
                a_lease_on_one_job_is_none_on_another,
                a_job_is_reaped_when_its_lease_has_ended_and_not_before,
                a_job_that_is_interrupted_too_often_fails,
                leases_of_dead_workers_are_voided_whatever_their_end,
                leases_of_one_dead_worker_are_voided_and_of_no_other,
                a_waiting_job_is_cancelled_and_never_claimed,
                cancelling_a_running_job_voids_its_lease, a_finished_job_cannot_be_cancelled,
                a_job_that_does_not_exist_cannot_be_cancelled;
            events: every_change_of_a_job_is_told_in_order, a_final_failure_is_told,
                a_failure_that_is_tried_again_is_not_told,
                handing_back_and_reaping_are_not_told,
                a_cancelled_job_tells_nothing_and_leaves_what_was_told,
                every_endpoint_of_the_client_and_no_other_is_told,
                without_an_endpoint_nothing_waits_to_be_sent,
                a_new_endpoint_hears_only_what_happens_later,
                an_endpoint_that_is_switched_off_hears_nothing_of_what_happens_meanwhile,
                an_endpoint_that_is_held_hears_later_of_what_happens_meanwhile;
            deliveries: a_dispatch_carries_all_that_is_needed_to_send_it,
                only_the_first_open_delivery_of_a_job_goes_out,
                a_stuck_job_keeps_no_other_job_waiting,
                a_stuck_endpoint_keeps_no_other_endpoint_waiting,
                no_more_than_the_limit_is_claimed_oldest_first,
                each_endpoint_is_claimed_what_is_wanted_of_it_and_the_rest_is_told,
                attempts_of_one_transaction_are_answered_each_on_its_own, attempts_are_kept_in_order,
                every_outcome_is_kept, a_failing_delivery_follows_the_schedule_until_it_expires,
                what_follows_an_expired_delivery_goes_out,
                a_failing_intermediate_status_is_superseded_by_the_terminal_one,
                an_intermediate_status_that_fails_after_the_terminal_one_exists_is_superseded,
                a_terminal_status_is_never_superseded, retry_after_pauses_the_whole_endpoint,
                the_next_delivery_is_due_when_the_first_of_all_endpoints_is,
                after_a_recovery_everything_that_waits_is_pulled_forward,
                what_fails_again_after_a_recovery_keeps_its_schedule,
                a_delivery_that_is_refused_among_successes_keeps_its_schedule,
                a_success_without_failures_before_it_pulls_nothing_forward;
            leases: a_claimed_delivery_is_not_claimed_again, our_own_stop_spends_no_attempt,
                a_stale_delivery_lease_writes_nothing,
                a_lease_on_a_delivery_that_does_not_exist_is_lost,
                a_delivery_whose_lease_has_ended_goes_out_again_under_the_same_id,
                a_courier_hands_back_what_it_holds_and_nothing_else,
                what_was_leased_and_not_sent_is_handed_back_without_an_attempt_and_lost_leases_are_passed_over,
                delivery_leases_of_dead_couriers_are_voided_whatever_their_end,
                reaping_counts_jobs_and_deliveries;
            endpoints: endpoints_are_listed_oldest_first_to_their_client_alone,
                a_client_has_five_endpoints_at_most, deleted_endpoints_make_room_for_five_more,
                a_deleted_endpoint_drops_what_is_open_and_keeps_its_history,
                a_deleted_endpoint_leaves_the_others_alone,
                an_endpoint_exists_for_its_client_alone_and_until_it_is_deleted,
                an_endpoint_of_a_client_that_does_not_exist_is_refused,
                a_change_leaves_what_it_does_not_name, an_endpoint_that_is_gone_is_held_at_once,
                an_endpoint_is_held_after_many_failures_and_days,
                a_held_endpoint_gets_one_probe_an_hour,
                what_waits_where_nobody_calls_expires_with_time,
                a_probe_that_fails_late_does_not_shorten_what_waits,
                the_client_is_told_of_a_failing_endpoint_before_it_is_held,
                a_fault_of_ours_changes_neither_schedule_nor_health,
                what_a_person_asks_for_goes_out_of_a_hold,
                a_probe_that_is_on_its_way_is_the_only_one,
                a_probe_goes_out_before_its_delivery_is_due,
                a_successful_probe_releases_the_endpoint_and_all_that_waits,
                switching_a_held_endpoint_on_releases_it_at_once,
                a_new_url_alone_does_not_release_a_held_endpoint,
                a_late_success_does_not_switch_an_endpoint_on;
            resends: a_delivered_delivery_is_sent_again_under_its_id_and_its_attempts_count_on,
                what_is_sent_again_goes_before_what_waits_of_its_job,
                what_is_on_its_way_is_not_overtaken_by_a_resend,
                a_delivery_that_is_on_its_way_is_not_sent_twice_by_a_resend,
                only_its_own_client_sends_again_and_only_to_endpoints_that_exist;
            retention: originals_of_finished_jobs_are_deleted_oldest_first,
                an_original_is_kept_until_its_time,
                an_original_that_is_still_needed_cannot_be_marked_as_deleted,
                results_expire_up_to_the_limit_and_once, a_result_is_kept_until_its_time,
                an_upload_is_an_orphan_when_no_job_has_to_do_with_it,
                a_result_is_an_orphan_when_no_succeeded_job_refers_to_it,
                pruning_forgets_old_answers_and_keeps_the_attempts;
            parts: parts_are_taken_one_by_one_by_owner_and_helpers,
                only_the_owner_offers_and_takes_its_own,
                a_part_is_another_ones_when_its_lease_has_expired,
                a_part_that_is_handed_back_is_free_at_once,
                a_part_that_a_helper_has_failed_is_left_to_the_owner,
                a_part_that_helpers_have_begun_too_often_is_left_to_the_owner,
                what_is_offered_again_goes_on_where_it_is_and_what_is_done_is_gone,
                parts_end_with_their_job_however_it_ends,
                what_a_lost_owner_was_at_is_free_and_helpers_go_on,
                a_helper_takes_parts_of_the_oldest_job_or_of_the_one_it_knows,
                many_helpers_never_get_the_same_part;
            revisions: a_revision_is_a_job_of_its_own_on_the_same_original,
                revisions_count_from_the_first_job_whichever_of_them_is_revised,
                a_job_that_has_not_finished_is_not_revised,
                what_failed_or_was_cancelled_or_has_expired_is_revised_like_any_other,
                another_clients_job_is_not_revised_or_listed,
                an_original_is_kept_while_a_revision_needs_it_and_deleted_once,
                a_retired_original_is_not_worked_on_again,
                revisions_that_are_asked_for_at_once_get_numbers_of_their_own;
            reading: promise_12_events_are_read_in_the_order_of_their_commits,
                promise_12_reading_goes_on_after_a_position_and_misses_nothing,
                another_clients_events_are_not_read,
                deliveries_of_an_endpoint_are_listed_newest_first_and_page_by_page,
                deliveries_are_listed_with_every_attempt,
                deliveries_are_filtered_by_standing_job_and_time,
                another_clients_deliveries_are_not_listed;
            replays: promise_10_a_replay_sends_everything_again_in_order_under_the_same_ids,
                promise_10_a_replay_goes_on_where_it_was_and_sends_nothing_twice,
                promise_10_a_replay_makes_the_deliveries_that_a_young_endpoint_never_had,
                a_delivery_that_a_replay_makes_has_a_whole_schedule,
                what_a_replay_opens_waits_its_time_where_nobody_calls,
                promise_10_a_replay_chooses_by_time_status_standing_and_job,
                a_dry_run_is_read_part_by_part_and_changes_nothing,
                what_happens_after_a_replay_has_begun_is_not_its_business,
                an_endpoint_has_one_replay_at_a_time,
                a_cancelled_replay_leaves_what_it_did_and_does_no_more,
                a_replay_waits_for_an_endpoint_with_a_long_queue,
                a_replay_without_events_is_over_at_once,
                a_replay_ends_with_its_endpoint,
                another_clients_replay_does_not_exist,
                replays_that_are_over_are_forgotten_with_time;
            secrets: secrets_are_counted_by_their_keys,
                sealed_credentials_are_read_page_by_page_and_of_deleted_endpoints_too,
                what_is_sealed_again_takes_the_place_of_what_it_was,
                a_rotation_in_between_is_not_overwritten,
                a_master_key_changes_together_with_what_is_sealed_and_once,
                a_master_key_stays_where_a_secret_is_not_what_it_was,
                a_master_key_stays_where_something_would_be_left_that_is_sealed_with_it;
            settings: settings_are_kept_and_reach_whoever_sends,
                promise_6_a_rotated_credential_counts_until_its_overlap_ends,
                a_rotation_waits_for_the_one_before_unless_it_has_no_overlap,
                settling_ends_every_overlap_at_once,
                promise_6_what_was_rotated_out_is_forgotten_after_its_overlap_and_not_before,
                another_clients_endpoint_has_no_credentials_to_rotate;
            lists: jobs_are_listed_newest_first_and_page_by_page,
                jobs_are_chosen_by_state_kind_and_time,
                jobs_are_found_by_a_part_of_their_name_whatever_the_case,
                a_list_shows_one_client_only_to_whoever_may_see_one,
                every_choice_finds_what_a_look_at_every_job_finds,
                a_choice_that_fits_little_is_read_in_bounded_steps;
            discarding: a_finished_job_loses_its_original_and_its_result_at_once,
                what_is_discarded_is_remembered_until_it_is_marked_as_deleted,
                a_failed_job_keeps_its_state_when_its_original_is_discarded,
                an_original_stays_while_another_job_needs_it,
                a_job_that_has_not_finished_or_is_anothers_is_not_discarded;
            statistics: totals_follow_jobs_through_their_states,
                totals_are_what_counting_every_job_gives,
                activity_is_told_stretch_by_stretch,
                attempts_at_an_endpoint_are_counted_by_the_hour,
                attempts_that_say_nothing_of_the_endpoint_are_not_counted,
                endpoints_in_trouble_are_told_and_others_are_not,
                endpoints_are_counted_by_state,
                old_hours_are_forgotten;
            audit: entries_read_back_as_they_were_written_newest_first,
                entries_are_chosen_by_action_person_subject_and_time,
                a_member_sees_entries_about_one_client_only,
                the_audit_log_is_read_page_by_page,
                old_entries_are_forgotten_and_young_ones_kept;
            queue: clients_take_turns_whatever_the_number_of_their_jobs,
                one_claim_of_many_jobs_deals_out_the_same_turns, turns_follow_the_weights,
                who_had_nothing_to_do_has_saved_nothing_up,
                pictures_and_videos_have_turns_of_their_own,
                a_client_has_no_more_jobs_at_once_than_agreed,
                a_job_of_a_higher_priority_goes_first_among_its_clients_own,
                a_priority_beyond_what_is_agreed_is_refused;
            keys: the_same_request_makes_one_job,
                the_same_request_twice_at_the_same_time_makes_one_job,
                a_key_of_another_request_is_refused_and_nothing_is_written,
                a_key_is_the_clients_own, a_key_stands_for_its_request_for_a_day,
                a_job_that_is_refused_takes_no_key_and_one_that_exists_needs_no_room,
                a_revision_is_made_once;
            policies: a_client_has_no_agreement_at_first,
                an_agreement_reads_back_as_it_was_made,
                a_job_beyond_the_waiting_quota_is_refused_until_there_is_room,
                a_job_beyond_the_daily_quota_is_refused_until_the_next_day,
                a_job_beyond_the_stored_quota_is_refused_until_something_is_deleted,
                a_quota_of_one_client_is_none_of_another,
                files_are_kept_as_long_as_is_agreed_with_their_client;
            users: a_user_is_found_by_name_and_identifier_as_it_was_written,
                users_are_listed_by_name,
                a_name_belongs_to_one_user_only,
                a_user_is_found_by_an_identity,
                an_identity_belongs_to_one_user_who_has_one_a_provider,
                a_user_whose_name_or_identity_is_taken_is_not_made,
                a_deleted_user_leaves_no_identity,
                a_member_of_a_client_that_does_not_exist_is_refused,
                a_change_of_a_user_leaves_what_it_does_not_name,
                a_user_who_is_disabled_has_no_session_and_gets_none,
                a_new_password_ends_every_session_but_the_one_to_keep,
                a_deleted_user_takes_sessions_and_links_along,
                a_session_is_found_by_its_token_with_its_user,
                a_session_remembers_its_last_use_and_never_an_earlier_one,
                sessions_are_listed_last_used_first_to_their_user_alone,
                a_session_is_ended_by_its_own_user_alone,
                all_sessions_of_a_user_end_at_once,
                a_newer_setup_link_voids_the_earlier_ones_for_the_same_purpose,
                a_setup_link_works_until_it_expires,
                the_first_user_is_made_once_and_only_with_a_link,
                a_setup_link_works_once_however_many_use_it,
                a_password_is_chosen_once_with_a_link,
                sessions_and_links_that_have_ended_are_forgotten;
            concurrency: many_workers_never_get_the_same_job,
                many_couriers_never_get_the_same_delivery,
                refused_requests_take_nothing_of_their_neighbours_with_them,
                the_limit_of_endpoints_holds_against_many_at_once,
                either_the_worker_or_the_client_ends_a_job,
                a_refresh_token_is_exchanged_once_however_many_try,
                an_attempt_is_recorded_once_however_many_try;
        }
    };
    (@modules $open:path; $($module:ident: $($case:ident),+;)+) => {$(
        mod $module {
            $($crate::store_conformance! { @case $open, $module, $case })+
        }
    )+};
    (@case $open:path, $module:ident, $case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let clock = ::std::sync::Arc::new($crate::SimClock::default());
            let entropy = ::std::sync::Arc::new($crate::SimEntropy::new(1));
            let (store, _kept) = $open(
                ::std::sync::Arc::clone(&clock),
                ::std::sync::Arc::clone(&entropy),
            )
            .await;
            $crate::conformance::$module::$case($crate::World::new(store, clock, entropy)).await;
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_in_the_list() {
        let list = include_str!("mod.rs");
        let modules = [
            include_str!("access.rs"),
            include_str!("audit.rs"),
            include_str!("concurrency.rs"),
            include_str!("deliveries.rs"),
            include_str!("discarding.rs"),
            include_str!("endpoints.rs"),
            include_str!("events.rs"),
            include_str!("jobs.rs"),
            include_str!("leases.rs"),
            include_str!("lists.rs"),
            include_str!("parts.rs"),
            include_str!("policies.rs"),
            include_str!("reading.rs"),
            include_str!("replays.rs"),
            include_str!("resends.rs"),
            include_str!("retention.rs"),
            include_str!("revisions.rs"),
            include_str!("secrets.rs"),
            include_str!("settings.rs"),
            include_str!("statistics.rs"),
            include_str!("users.rs"),
        ];
        let cases: Vec<&str> = modules
            .iter()
            .flat_map(|source| source.split("pub async fn ").skip(1))
            .filter_map(|rest| rest.split('(').next())
            .collect();
        assert!(!cases.is_empty());
        for case in cases {
            let listed = |end: char| list.contains(&format!("{case}{end}"));
            assert!(listed(',') || listed(';'), "{case} is not in the list");
        }
    }
}
