//! What every kind of records has to do: one suite, run against each; and what is each one's own.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod away;
mod claims;
mod contract;
mod opening;
mod place;
mod story;

macro_rules! contract {
    ($($suite:ident::$name:ident,)*) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                crate::$suite::$name(&crate::place::Place::sqlite());
            })*
        }
        mod postgres {
            $(#[test]
            fn $name() {
                crate::$suite::$name(&crate::place::Place::postgres());
            })*
        }
    };
}

contract! {
    contract::what_is_accepted_is_there_after_the_process_ended_and_told_twice_is_kept_once,
    contract::what_was_understood_waits_no_more_and_a_retry_of_it_is_known,
    contract::a_dead_letter_says_why_and_can_be_understood_once_more,
    contract::a_filing_that_was_decided_on_what_is_no_more_so_is_refused_as_a_whole,
    contract::the_end_of_an_alert_finds_its_incident_and_a_second_telling_changes_nothing,
    contract::an_incident_that_turned_out_to_be_another_is_found_there_with_its_events,
    contract::three_alerts_in_one_filing_of_which_the_last_joins_the_others_are_one_incident,
    contract::a_note_that_came_in_before_its_incident_belongs_to_it_afterwards,
    contract::what_another_system_named_with_any_character_and_length_is_kept_and_found,
    contract::events_are_told_oldest_first_and_those_of_production_between_two_instants,
    contract::news_are_what_was_told_after_what_was_known_before,
    contract::two_servers_that_start_and_file_at_once_come_to_what_one_comes_to,
    contract::who_passes_events_on_sees_each_once_in_the_order_of_filing,
    contract::who_passes_events_on_never_goes_back,
    claims::what_is_claimed_is_claimed_once_by_each_target_until_it_is_let_go_of,
    claims::claims_of_long_ago_are_forgotten,
    claims::of_two_servers_that_claim_at_once_one_gets_each,
    claims::an_event_leads_to_the_incident_that_it_is_filed_under,
}
