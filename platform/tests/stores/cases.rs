//! Names all cases once, so that no store is spared one.

/// Runs each as a test of its own, on a rig of its own.
macro_rules! all_cases {
    ($rig:expr) => {
        $crate::cases::every_case!(
            $rig,
            appending::an_append_at_another_version_is_refused_and_leaves_nothing,
            appending::of_two_appends_one_wins_and_a_command_run_again_follows,
            appending::sixteen_tasks_lose_no_update,
            appending::logs_are_dense_and_positions_rise_with_versions,
            conflicts::of_many_that_insert_under_a_unique_index_one_does,
            conflicts::an_idempotency_key_is_bound_once,
            conflicts::a_refusal_gives_way_to_what_was_answered_meanwhile,
            conflicts::a_key_is_bound_to_no_failure,
            inboxes::replicas_handle_each_event_once_and_in_order,
            inboxes::what_is_parked_by_one_replica_is_handled_by_another,
            leases::a_lease_has_one_holder_until_it_expires,
            leases::a_lease_that_is_given_back_is_free_at_once,
            leases::of_many_that_ask_at_once_one_gets_it,
            leases::shares_are_fair_and_follow_the_number_of_replicas,
            migrations::a_migration_runs_once_and_keeps_what_is_there,
            migrations::a_database_of_a_newer_version_is_refused,
            migrations::a_step_that_only_expands_is_passed_over_by_older_versions,
            migrations::a_migration_that_fails_leaves_nothing_of_itself,
            migrations::the_life_of_a_database_stays,
            sums::a_key_that_is_behind_is_not_made_up_for_by_one_that_is_ahead,
            together::rows_that_are_put_are_there_in_their_last_state,
            together::what_changes_a_table_between_its_rows_keeps_its_place,
            together::a_savepoint_takes_its_rows_back,
            together::a_row_that_cannot_be_written_fails_its_transaction,
            together::queries_that_are_asked_at_once_are_answered_in_their_order,
            transactions::of_many_each_that_fails_is_undone_alone,
            transactions::a_savepoint_that_fails_is_undone_and_the_transaction_goes_on,
            transactions::a_savepoint_undoes_a_statement_that_failed,
            transactions::a_swallowed_error_never_commits_half,
            transactions::a_panic_ends_its_transaction_and_no_other,
            transactions::a_read_sees_one_state_and_cannot_write,
            transactions::jobs_are_woken_by_commits_alone,
            transactions::who_is_woken_sees_what_was_committed,
            values::parameters_are_bound_by_number_and_not_by_appearance,
            values::what_goes_in_comes_out,
            values::texts_are_compared_byte_by_byte,
            values::a_wrong_statement_is_our_fault_and_a_missing_row_too,
        );
    };
}

macro_rules! every_case {
    ($rig:expr, $($file:ident :: $case:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            $crate::$file::$case(&$rig).await;
        })+
    };
}

pub(crate) use {all_cases, every_case};
