//! The order of the work of streams and host, by vector clocks.
//!
//! A clock holds a time for each stream: the number of that stream's operations that are known to be
//! done. Each operation advances its stream's entry. A stream that waits for an event, or the host
//! when it waits, takes the maximum of both clocks. An operation that the host enqueues starts with
//! the host's clock.
//!
//! Two operations on the same bytes race if neither is before the other by these clocks.

use std::collections::HashMap;

/// For each stream the time of its last operation that is known to be done.
pub type Clock = HashMap<usize, u64>;

fn join(into: &mut Clock, other: &Clock) {
    for (&stream, &time) in other {
        let entry = into.entry(stream).or_default();
        *entry = time.max(*entry);
    }
}

/// Bytes of the device that an operation read or wrote.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The address of the first byte.
    pub start: u64,
    /// The address after the last byte.
    pub end: u64,
    /// Whether the bytes were written.
    pub write: bool,
}

struct Past {
    stream: usize,
    time: u64,
    span: Span,
    what: String,
}

/// The clocks of all streams, of all events and of the host.
#[derive(Default)]
pub struct Clocks {
    streams: HashMap<usize, Clock>,
    events: HashMap<usize, Clock>,
    host: Clock,
    past: Vec<Past>,
}

impl Clocks {
    /// Adds an operation on `stream` that accesses `spans`. Returns its time.
    ///
    /// # Errors
    /// "streams race" if it races with an earlier operation.
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

    /// Forgets the accesses to freed memory.
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

    /// Makes a stream wait for an event; without effect if the event was not recorded.
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

    /// The host waits for all streams.
    pub fn host_waits_for_all(&mut self) {
        for clock in self.streams.values() {
            join(&mut self.host, clock);
        }
    }

    /// Whether the host has waited for all operations of a stream.
    pub fn host_knows_all(&self, stream: usize) -> bool {
        let last = self
            .streams
            .get(&stream)
            .and_then(|clock| clock.get(&stream));
        last.is_none_or(|&time| self.host_knows(stream, time))
    }

    /// Whether the host has waited for the operation of this time.
    pub fn host_knows(&self, stream: usize, time: u64) -> bool {
        self.host.get(&stream).copied().unwrap_or(0) >= time
    }
}
