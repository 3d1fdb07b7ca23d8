//! The table of metrics: name, labels and meaning of each, once.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, until the process starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(pub(super) const $id: Metric =
            Metric { name: $name, kind: MetricKind::$kind, labels: &[$($label),*], help: $help };)+

        /// Every metric.
        pub const fn table() -> &'static [Metric] {
            const TABLE: &[Metric] = &[$($id),+];
            TABLE
        }
    };
}

metrics! {
    BUILD_INFO: Gauge "fusewire_build_info" ["version"]
        "Always 1; the version stands in the label.";

    ENGINE_INPUTS: Counter "fusewire_engine_inputs_total" []
        "Inputs the engine took: events, bars, ticks, probes, commands.";
    ENGINE_TIME: Gauge "fusewire_engine_time_seconds" []
        "The engine's own time: the latest input so far, as Unix time.";
    LEASE_BEATS: Counter "fusewire_lease_beats_total" []
        "Probes that walked the whole path and renewed the gate's lease.";
    LEASE_LAST: Gauge "fusewire_lease_last_beat_timestamp_seconds" []
        "When the lease was last renewed, as Unix time.";
    ACK_FRESH: Gauge "fusewire_ack_fresh" []
        "1 while a trading engine acknowledges this gate, 0 once it is silent for 3 s or reads another one.";
    ACK_AGE: Gauge "fusewire_ack_age_seconds" []
        "Since the last acknowledgement that could be believed.";
    ACK_LAG: Gauge "fusewire_ack_lag_publications" []
        "Publications of the gate that the trading engine has not acknowledged; none while it reads another gate.";
    ACK_ORDERS: Counter "fusewire_ack_orders_total" ["verdict"]
        "Orders the trading engine asked the gate about, by the answer: allowed (whole or in part), denied.";
    DECISION: Histogram "fusewire_decision_latency_seconds" []
        "From receiving an event to the gate that follows from it.";

    MARKETS: Gauge "fusewire_markets" ["life"]
        "Markets by how far they have come: starting (Halt), warming, live.";
    STANCE: Gauge "fusewire_stance" ["market", "stance"]
        "1 for the stance a market is in, 0 for the others.";
    STANCE_LEVEL: Gauge "fusewire_stance_level" ["market"]
        "The stance as a number: 0 Normal, 1 Caution, 2 ReduceOnly, 3 Halt.";
    SCORE_RATIO: Gauge "fusewire_score_ratio" ["market", "detector", "leg"]
        "Score of a detector's leg as a share of its limit: trips at 1.";
    TRIPS: Counter "fusewire_trips_total" ["market", "detector", "leg"]
        "Times a score reached its limit.";
    EVENTS: Counter "fusewire_events_total" ["market", "kind"]
        "Events by kind.";
    BARS: Counter "fusewire_bars_total" ["market"]
        "Closed bars.";
    REFUSED: Counter "fusewire_refused_total" ["market"]
        "Prices that the plausibility filter refused, and bad frames that named the market.";
    LATE: Counter "fusewire_late_trades_total" ["market"]
        "Trades that came twice or out of order.";
    LAST_EVENT: Gauge "fusewire_last_event_timestamp_seconds" ["market"]
        "Engine time of the latest event; fusewire_engine_time_seconds minus this is the silence.";

    BREAKERS: Gauge "fusewire_breakers" ["state", "mode"]
        "Breakers that are not at rest, by state and by whether they act (armed) or only show (shadow).";
    INCIDENTS: Gauge "fusewire_incidents" ["phase", "severity"]
        "Incidents that nobody has resolved, by phase and by severity (1 is the worst).";

    FEED_DELIVERING: Gauge "fusewire_feed_delivering" ["venue", "connection"]
        "1 while data arrives on a connection.";
    FEED_FRAMES: Counter "fusewire_feed_frames_total" ["venue", "connection"]
        "Frames that came.";
    FEED_EVENTS: Counter "fusewire_feed_events_total" ["venue", "connection"]
        "Events handed on.";
    FEED_BAD: Counter "fusewire_feed_bad_frames_total" ["venue", "connection", "reason"]
        "Frames that were refused, by reason.";
    FEED_DROPPED: Counter "fusewire_feed_dropped_events_total" ["venue", "connection", "reason"]
        "Events that were not handed on: trades that came before, liquidations sent again, what another connection brought first.";
    FEED_MISSING: Counter "fusewire_feed_missing_trades_total" ["venue", "connection"]
        "Trades that never came, by the holes in their ids.";
    FEED_MISSING_MESSAGES: Counter "fusewire_feed_missing_messages_total" ["venue", "connection"]
        "Messages that never came, where a venue numbers those of a connection.";
    FEED_LOST_BOOKS: Counter "fusewire_feed_lost_books_total" ["venue", "connection"]
        "Order books that could not be trusted any more; each is asked for again, and no depth is told before it has come.";
    FEED_LOSSES: Counter "fusewire_feed_losses_total" ["venue", "connection"]
        "Connections lost; each is made anew.";
    FEED_SILENCES: Counter "fusewire_feed_silences_total" ["venue", "connection"]
        "Among the losses, connections given up because data went silent.";
    FEED_LATES: Counter "fusewire_feed_lates_total" ["venue", "connection"]
        "Pauses of the data that were longer than a living connection uses to make.";
    FEED_CLOCK_STEPS: Counter "fusewire_feed_clock_steps_total" ["venue", "connection"]
        "Steps of our own clock that a session noticed.";
    FEED_LINES: Gauge "fusewire_feed_lines" ["venue", "connection"]
        "Connections that bring the same and deliver, of `connections` in the config: 1 of 2 is redundancy lost.";
    FEED_MUTE: Gauge "fusewire_feed_mute_streams" ["venue", "connection"]
        "Streams that speak by the clock, were acknowledged, and have never delivered on this connection.";
    FEED_ENDPOINT: Gauge "fusewire_feed_endpoint" ["venue", "connection"]
        "Which of the feed's endpoints is in use, from 0 in the order of the config.";
    FEED_ENDPOINT_CHANGES: Counter "fusewire_feed_endpoint_changes_total" ["venue", "connection"]
        "Changes to another endpoint after failed tries.";
    FEED_HANDOVERS: Counter "fusewire_feed_handovers_total" ["venue", "connection"]
        "Connections that took the place of one that was still alive, before it was cut.";
    FEED_MISFITS: Counter "fusewire_feed_misfits_total" ["venue", "connection"]
        "New connections that were given up because they did not bring what the old one brought.";
    FEED_COVERED: Counter "fusewire_feed_covered_gaps_total" ["venue", "connection"]
        "Holes in what one connection brought that another one covered.";
    FEED_LAG: Histogram "fusewire_feed_lag_seconds" ["venue"]
        "From the venue's time of an event to receiving it; a venue's clock ahead of ours counts as 0.";
    CHANNEL_OFFERED: Counter "fusewire_channel_offered_total" []
        "Inputs that feeds offered to the engine.";
    CHANNEL_CONFLATED: Counter "fusewire_channel_conflated_total" []
        "Among the offered inputs, quotes that found no room and gave way to a later one of their market.";
    CHANNEL_DROPPED: Counter "fusewire_channel_dropped_total" []
        "Among the offered inputs, those that found no room.";
    CHANNEL_DEPTH: Gauge "fusewire_channel_depth" []
        "Inputs that wait for the engine.";

    STORE_RECORDS: Counter "fusewire_store_records_total" []
        "Records on disk since the start.";
    STORE_APPEND: Histogram "fusewire_store_append_seconds" []
        "From handing records to the store to the disk's word.";

    RECORD_BYTES: Counter "fusewire_record_bytes_total" []
        "Bytes of recordings written.";
    RECORD_FILES: Counter "fusewire_record_files_total" []
        "Files of recordings begun.";
    RECORD_DELETED: Counter "fusewire_record_deleted_files_total" []
        "Old recordings deleted to make room.";
    RECORD_LOST: Counter "fusewire_record_lost_total" ["what"]
        "What found no room on its way to the disk: inputs, frames.";
    RECORD_STOPPED: Gauge "fusewire_record_stopped" []
        "1 once nothing is recorded any more, because the disk failed or no room was left.";

    HOOK_ATTEMPTS: Counter "fusewire_hook_attempts_total" ["hook"]
        "Attempts to deliver.";
    HOOK_DELIVERED: Counter "fusewire_hook_delivered_total" ["hook"]
        "Messages that arrived.";
    HOOK_DEAD: Counter "fusewire_hook_dead_letters_total" ["hook"]
        "Messages that were given up.";
    HOOK_SHADOWED: Counter "fusewire_hook_shadowed_total" ["hook"]
        "Messages that a hook in shadow mode would have sent.";
    HOOK_QUEUED: Gauge "fusewire_hook_queued" ["hook"]
        "Messages in the courier's hands.";
    HOOK_DISABLED: Gauge "fusewire_hook_disabled" ["hook"]
        "1 when the receiver said that it is gone.";
    HOOK_ATTEMPT: Histogram "fusewire_hook_attempt_seconds" ["hook"]
        "How long an attempt took, successful or not.";
    HOOK_DELIVERY: Histogram "fusewire_hook_delivery_seconds" ["hook"]
        "From the engine's decision to the receiver's word.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_custom() {
        let mut seen = std::collections::BTreeSet::new();
        for metric in table() {
            let name = metric.name;
            assert!(seen.insert(name), "{name} twice");
            assert!(name.starts_with("fusewire_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == MetricKind::Counter, "{name}");
            if metric.kind == MetricKind::Histogram {
                assert!(name.ends_with("_seconds"), "{name}");
            }
            assert!(metric.help.ends_with('.') && metric.help.len() > 5, "{name}");
        }
    }
}
