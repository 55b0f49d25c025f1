//! The failures that a fetcher has to expect, numbered, and what drives each of them here.
//!
//! What of a case is not done is told by [`OPEN`].

mod disk;
mod identity;
mod metadata;
mod network;
mod process;

use std::collections::BTreeSet;

use crate::{
    cli_catalog, fetch_sources, keeper_daemon, keeper_fetch, keeper_traps, transfer_addresses,
    transfer_disk, transfer_kill, transfer_network, transfer_network::answers_of, transfer_proxies,
    transfer_tls, verify_images, verify_signatures,
};

/// Makes a test of each case, and the table of them.
macro_rules! cases {
    ($($name:ident = $number:literal $title:literal: [$($drive:expr),+ $(,)?];)*) => {
        /// Number and title of those that are driven.
        const CASES: &[(u8, &str)] = &[$(($number, $title)),*];
        $(
            #[test]
            fn $name() {
                $(drive($drive);)+
            }
        )*
    };
}

fn drive(test: impl FnOnce()) {
    test();
}

cases! {
    // The network.
    case_01 = 1 "a name that cannot be resolved": [
        transfer_network::a_name_that_is_not_known_is_no_fault_of_the_image,
    ];
    case_02 = 2 "a connection without an answer": [
        || answers_of(2),
        transfer_addresses::a_host_that_is_dead_altogether_is_given_up,
    ];
    case_03 = 3 "a trickle": [|| answers_of(3), transfer_network::our_own_limit_is_no_stall];
    case_04 = 4 "silence in the middle": [|| answers_of(4)];
    case_05 = 5 "a slow link that is healthy": [
        transfer_network::a_slow_link_that_is_healthy_has_all_the_time_it_needs,
    ];
    case_06 = 6 "a reset near the end": [
        || answers_of(6),
        transfer_network::a_rest_is_asked_for_with_what_the_server_said,
    ];
    case_07 = 7 "a host that wants to be left alone": [|| answers_of(7),
        network::a_host_that_asks_for_patience_is_left_alone_for_all_its_files, keeper_fetch::a_thousand_entries_are_resolved_by_one_request_for_each_document_and_two_at_a_time,];
    case_08 = 8 "an image that is gone": [|| answers_of(8), keeper_traps::an_image_that_is_gone_or_wrong_is_looked_for_once_more_past_caches, keeper_traps::an_end_of_life_is_found_in_the_archive_and_only_when_it_is_gone,];
    case_09 = 9 "a page instead of an image": [
        || answers_of(9),
        transfer_network::a_page_is_rejected_before_it_is_written,
    ];
    case_10 = 10 "a page instead of a list": [metadata::a_page_is_no_list,
        verify_images::a_list_that_names_another_file_or_is_a_page_vouches_for_nothing, keeper_fetch::documents_that_tell_nothing_leave_everything_as_it_is,];
    case_11 = 11 "redirections": [|| answers_of(11),
        network::a_redirection_is_followed_with_the_range,
        transfer_tls::from_https_to_http_only_what_a_digest_decides_on_is_redirected, keeper_traps::documents_are_never_redirected_from_https_to_http,];
    case_12 = 12 "a proxy that answers for the mirror": [|| answers_of(12),
        transfer_proxies::a_proxy_that_answers_for_the_mirror_is_told_as_that, keeper_traps::an_image_that_is_gone_or_wrong_is_looked_for_once_more_past_caches,];
    case_13 = 13 "an IPv6 path that is broken": [
        transfer_addresses::a_host_whose_first_address_is_dead_is_reached_by_the_other,
        transfer_addresses::an_address_of_ipv6_is_as_good_as_any,
    ];
    case_14 = 14 "certificates, and clocks that make them invalid": [transfer_tls::a_certificate_that_is_not_right_is_refused_and_told,
        transfer_tls::a_clock_that_is_wrong_is_told_instead_of_the_certificates_that_it_makes_invalid, keeper_traps::a_clock_that_is_wrong_judges_nothing,];

    // What HTTP can do.
    case_15 = 15 "a server that ignores ranges": [
        || answers_of(15),
        transfer_network::a_server_without_ranges_is_asked_by_one_connection,
    ];
    case_16 = 16 "a tag that differs though nothing changed": [|| answers_of(16)];
    case_17 = 17 "another range than was asked for": [|| answers_of(17)];
    case_18 = 18 "a range that is refused": [
        || answers_of(18),
        network::what_is_whole_already_is_not_asked_for,
        network::what_is_longer_than_the_file_is_dropped,
    ];
    case_19 = 19 "a body without a length": [|| answers_of(19)];
    case_20 = 20 "a body of another length than announced": [
        || answers_of(20),
        transfer_network::an_endless_body_is_cut_off,
    ];
    case_21 = 21 "an image that is compressed on the way": [|| answers_of(21)];
    case_22 = 22 "several parts for one range": [|| answers_of(22)];

    // What the bytes are.
    case_23 = 23 "an image that is replaced under its name": [transfer_network::a_file_that_is_replaced_midway_is_never_mixed_with_what_was_there,
        identity::the_old_image_stays_until_the_new_one_is_verified, keeper_fetch::an_image_that_is_replaced_under_its_name_is_fetched_anew,];
    case_24 = 24 "an image and a list of different builds": [transfer_network::what_is_known_to_be_wrong_is_not_fetched_again, keeper_traps::an_image_that_is_gone_or_wrong_is_looked_for_once_more_past_caches, keeper_fetch::an_image_that_is_not_what_its_list_says_is_not_published_nor_fetched_in_a_loop,];
    case_25 = 25 "a mirror that lags": [identity::a_mirror_that_lags_is_passed_over];
    case_26 = 26 "other content under the right name": [
        || answers_of(26),
        transfer_network::only_bad_pieces_are_fetched_again,
        identity::one_wrong_image_of_an_entry_is_put_aside,
    ];
    case_27 = 27 "edges that differ, in one download of many connections": [
        transfer_network::several_mirrors_with_other_tags_make_one_image,
        identity::of_edges_with_other_content_one_image_is_made,
    ];
    case_28 = 28 "another name in the list than in the URL": [keeper_traps::another_name_in_the_list_counts_only_where_the_catalog_says_so];
    case_29 = 29 "a list that contradicts itself": [
        metadata::a_list_that_contradicts_itself_is_refused,
    ];
    case_30 = 30 "names that are hostile": [
        transfer_network::names_that_leave_the_store_are_refused,
        metadata::names_that_are_hostile_are_not_in_a_list,
    ];
    case_31 = 31 "a digest of another kind": [metadata::a_digest_of_another_kind_is_none];
    case_32 = 32 "what is no disc image": [identity::what_is_no_disc_image_is_refused_unless_it_need_not_be_one, keeper_traps::a_label_that_the_entry_does_not_know_is_told_and_no_hindrance,];

    // Who vouches.
    case_33 = 33 "compressed images": [
        keeper_traps::an_image_that_is_packed_is_verified_and_unpacked,
    ];
    case_34 = 34 "a signature that is missing": [keeper_fetch::what_is_not_signed_as_it_should_be_is_refused_and_what_is_there_stays];
    case_35 = 35 "a signature by a key that is not known": [verify_signatures::one_pinned_signer_of_several_is_enough, keeper_fetch::what_is_not_signed_as_it_should_be_is_refused_and_what_is_there_stays,];
    case_36 = 36 "a key that has expired, or was revoked": [
        verify_signatures::an_expired_key_is_good_for_what_it_signed_before_and_nothing_after,
        verify_signatures::a_revoked_key_signs_nothing_and_a_retired_one_nothing_more,
    ];
    case_37 = 37 "a signature by a subkey": [
        verify_signatures::a_subkey_signs_for_its_primary_key_and_only_while_it_is_bound,
    ];
    case_38 = 38 "an algorithm that is not known": [
        verify_signatures::what_is_no_signature_or_key_is_refused,
        verify_signatures::signatures_by_weak_hashes_are_refused,
    ];
    case_39 = 39 "text around what is signed": [
        verify_signatures::of_a_clearsigned_message_only_the_signed_text_is_given_back,
        verify_images::only_the_text_within_a_clearsigned_list_verifies,
    ];
    case_40 = 40 "an old list that is signed": [keeper_fetch::what_is_older_than_what_was_there_is_a_rollback];
    case_41 = 41 "a key that is new": [keeper_fetch::what_is_not_signed_as_it_should_be_is_refused_and_what_is_there_stays];
    case_42 = 42 "digests that differ": [transfer_network::digests_that_contradict_each_other_stop_it_before_it_begins, keeper_traps::a_digest_that_the_operator_wrote_down_and_a_signed_list_have_to_agree,];

    // The catalog.
    case_43 = 43 "a listing that cannot be read": [keeper_fetch::documents_that_tell_nothing_leave_everything_as_it_is];
    case_44 = 44 "a listing in which nothing fits": [keeper_traps::a_listing_in_which_nothing_fits_leaves_what_is_there];
    case_45 = 45 "pre-releases, other editions and signatures beside the image": [keeper_traps::what_lies_beside_an_image_is_not_taken_for_it];
    case_46 = 46 "a release that is announced": [keeper_traps::a_release_whose_list_is_not_there_yet_is_waited_for];
    case_47 = 47 "an end of life": [keeper_traps::an_end_of_life_is_found_in_the_archive_and_only_when_it_is_gone];
    case_48 = 48 "an alias that leads to another series": [keeper_traps::an_alias_that_shows_another_series_is_not_followed];
    case_49 = 49 "a file of the catalog that is broken": [cli_catalog::what_is_wrong_is_told_all_at_once_with_its_place_and_78, keeper_traps::a_broken_catalog_leaves_the_one_that_held,];
    case_50 = 50 "images of one name": [identity::images_of_one_name_do_not_meet, keeper_fetch::bytes_that_are_in_the_store_already_are_not_fetched_for_another_entry,];

    // The disk.
    case_51 = 51 "not enough room": [transfer_disk::a_full_disk_is_known_before_the_transfer_and_it_goes_on_when_there_is_room,
        transfer_disk::a_disk_that_others_fill_meanwhile_is_noticed,
        transfer_disk::what_is_reserved_stays_whatever_others_write, keeper_fetch::a_quota_is_kept_by_taking_older_images_away_and_else_by_fetching_nothing,];
    case_52 = 52 "a disk that is full, read-only, small or broken": [
        transfer_disk::a_disk_that_becomes_full_midway_keeps_what_is_there,
        transfer_disk::a_disk_that_becomes_read_only_is_told_as_that,
        transfer_disk::a_file_system_that_holds_no_such_file_is_told_as_that,
        transfer_disk::a_quota_that_is_used_up_is_told_as_that,
        transfer_disk::a_disk_that_fails_is_not_written_to_any_more_and_the_stage_is_not_trusted,
    ];
    case_53 = 53 "a crash while it is written": [
        transfer_kill::killed_it_goes_on_from_the_last_checkpoint,
        disk::what_a_crash_left_beyond_the_checkpoint_is_fetched_again,
        disk::what_a_crash_took_away_is_noticed,
        disk::stages_that_nobody_wants_any_more_go,
    ];
    case_54 = 54 "a crash while it is published": [
        disk::a_publication_that_was_cut_off_is_undone_or_completed,
    ];
    case_55 = 55 "a store on several file systems": [
        transfer_disk::a_store_of_several_file_systems_is_refused,
    ];
    case_56 = 56 "rot at rest": [keeper_traps::an_image_that_rots_at_rest_is_put_aside_and_fetched_again];
    case_57 = 57 "an image that somebody edits": [disk::an_image_that_somebody_edits_is_not_verified_and_never_overwritten, keeper_fetch::an_image_that_somebody_touched_is_looked_at_again,];
    case_58 = 58 "wrong images that pile up": [
        identity::one_wrong_image_of_an_entry_is_put_aside,
        disk::what_was_put_aside_goes_after_a_while,
    ];
    case_59 = 59 "an image that is used and should go": [disk::an_image_that_is_used_stays, keeper_daemon::what_is_wanted_appears_verified_and_its_successor_takes_its_place_when_it_is_served,];
    case_60 = 60 "a share of a network as the store": [
        disk::a_share_without_locks_or_reservations_is_a_store,
    ];

    // The process.
    case_61 = 61 "two processes in one store": [process::a_store_has_one_process, keeper_daemon::a_store_in_which_somebody_else_works_is_waited_for_and_told_of, keeper_daemon::entries_come_and_go_with_the_configuration_and_with_what_people_ask_for,];
    case_62 = 62 "a stop while it is finished": [transfer_kill::any_interleaving_of_faults_kills_and_restarts_ends_well,
        network::what_is_whole_already_is_not_asked_for, keeper_daemon::a_daemon_that_is_killed_in_the_middle_goes_on_where_it_was,];
    case_63 = 63 "an entry that is changed under its download": [keeper_traps::an_entry_that_is_taken_out_while_it_is_fetched_is_not_published];
    case_64 = 64 "many hosts with one timer": [keeper_traps::many_who_began_together_do_not_come_back_together];
    case_65 = 65 "a clock that jumps": [keeper_traps::a_moment_that_a_wrong_clock_wrote_down_is_not_waited_for];
    case_66 = 66 "a window that closes": [transfer_network::stopped_it_goes_on_where_it_was,
        process::a_pause_ends_where_it_began, keeper_traps::a_window_that_closes_ends_the_transfer_and_the_next_one_goes_on,];
    case_67 = 67 "readers while it is published": [process::whoever_reads_sees_one_image_whole];
    case_68 = 68 "documents that are huge, or pages": [keeper_fetch::documents_that_tell_nothing_leave_everything_as_it_is];
    case_69 = 69 "a source that hangs": [transfer_network::a_directory_that_hangs_holds_up_nobody, fetch_sources::a_share_that_cannot_be_used_is_left_out_with_the_reason_and_nobody_waits_for_it, fetch_sources::directories_that_are_gone_or_hang_are_told_and_hold_up_nobody,];
    case_70 = 70 "a watcher that sees a part": [process::what_is_being_fetched_is_seen_by_nobody];
    case_71 = 71 "a store that belongs to somebody else": [
        process::a_store_of_somebody_else_is_refused_with_a_reason,
    ];
    case_72 = 72 "an image that cannot be served": [keeper_daemon::a_medium_that_cannot_be_served_leaves_its_predecessor_where_it_is];
}

/// What is not done.
const OPEN: &[(u8, &str)] = &[
    (50, "the bytes of two entries are fetched once, but stored twice"),
    (71, "labels of SELinux are the system's policy's"),
];

#[test]
fn every_case_is_driven_or_told_to_be_open() {
    let numbers: Vec<u8> = CASES.iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted_by(|one, other| one < other), "each once, in order");
    let open = OPEN.iter();
    assert!(open.is_sorted_by(|one, other| one.0 < other.0), "each once, in order");
    let open = OPEN.iter().map(|(number, _)| *number);
    let all: BTreeSet<u8> = numbers.into_iter().chain(open).collect();
    assert!(all.into_iter().eq(1..=72), "cases are missing");
}
