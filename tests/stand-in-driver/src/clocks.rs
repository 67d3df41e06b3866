//! What orders the work of streams and the host: vector clocks.
//!
//! Every operation ticks its stream's clock. An event carries the clock of its stream
//! to those that wait for it; the host takes over the clock of what it waits for, and
//! whatever it enqueues afterwards knows it.

use std::collections::HashMap;

/// For each stream, up to which of its operations something knows of.
pub type Clock = HashMap<usize, u64>;

fn join(into: &mut Clock, other: &Clock) {
    for (&stream, &time) in other {
        let known = into.entry(stream).or_default();
        *known = time.max(*known);
    }
}

/// Bytes of the device that an operation read or wrote.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The address of the first.
    pub start: u64,
    /// The address behind the last.
    pub end: u64,
    /// Whether they were written.
    pub write: bool,
}

struct Past {
    stream: usize,
    time: u64,
    span: Span,
    what: String,
}

/// The clocks of all streams, events and of the host.
#[derive(Default)]
pub struct Clocks {
    streams: HashMap<usize, Clock>,
    events: HashMap<usize, Clock>,
    host: Clock,
    past: Vec<Past>,
}

impl Clocks {
    /// An operation on `stream` that touches `spans`: its time, or which earlier one it
    /// races with.
    ///
    /// # Errors
    /// "streams race".
    pub fn operate(&mut self, stream: usize, what: &str, spans: &[Span]) -> Result<u64, String> {
        let host = self.host.clone();
        let clock = self.streams.entry(stream).or_default();
        join(clock, &host);
        let time = clock.get(&stream).copied().unwrap_or(0) + 1;
        clock.insert(stream, time);
        for span in spans {
            let clash = self.past.iter().find(|past| {
                past.stream != stream
                    && (past.span.write || span.write)
                    && past.span.start < span.end
                    && span.start < past.span.end
                    && clock.get(&past.stream).copied().unwrap_or(0) < past.time
            });
            if let Some(past) = clash {
                return Err(format!(
                    "streams race: {what} on stream {stream:#x} and {} on stream {:#x} touch the \
                     same memory, no event orders them",
                    past.what, past.stream
                ));
            }
        }
        let of_host = &self.host;
        self.past
            .retain(|past| of_host.get(&past.stream).copied().unwrap_or(0) < past.time);
        self.past.extend(spans.iter().map(|&span| Past {
            stream,
            time,
            span,
            what: what.to_owned(),
        }));
        Ok(time)
    }

    /// Forgets what touched freed memory.
    pub fn forget(&mut self, start: u64, end: u64) {
        self.past
            .retain(|past| past.span.end <= start || end <= past.span.start);
    }

    /// Records an event on a stream.
    pub fn record(&mut self, event: usize, stream: usize) {
        let host = self.host.clone();
        let clock = self.streams.entry(stream).or_default();
        join(clock, &host);
        self.events.insert(event, clock.clone());
    }

    /// Makes a stream wait for an event, if that was recorded.
    pub fn wait(&mut self, stream: usize, event: usize) {
        if let Some(recorded) = self.events.get(&event) {
            join(self.streams.entry(stream).or_default(), recorded);
        }
    }

    /// The host waits for an event.
    pub fn host_waits_for_event(&mut self, event: usize) {
        if let Some(recorded) = self.events.get(&event) {
            join(&mut self.host, recorded);
        }
    }

    /// The host waits for a stream.
    pub fn host_waits_for(&mut self, stream: usize) {
        if let Some(clock) = self.streams.get(&stream) {
            join(&mut self.host, clock);
        }
    }

    /// The host waits for everything.
    pub fn host_waits_for_all(&mut self) {
        for clock in self.streams.values() {
            join(&mut self.host, clock);
        }
    }

    /// Whether the host has waited for the operation of this time.
    pub fn host_knows(&self, stream: usize, time: u64) -> bool {
        self.host.get(&stream).copied().unwrap_or(0) >= time
    }
}
