//! Journal entries that can be read without their fields.
//!
//! `journalctl` shows the message alone, and ours are constant phrases. So the fields are appended to the message's
//! text, and still sent as fields of the entry (`LABEL=`, `NAME=`, `SOURCE=`, ...) for whoever filters by them.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Subscriber,
    field::{Field, Value, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

use super::message_id;

/// Fields of an event that can be passed on: what one fixed array holds.
const MOST_FIELDS: usize = 32;

/// Passes events on to `L` with their fields appended to the message.
#[derive(Debug)]
pub(super) struct Readable<L>(pub(super) L);

impl<S, L> Layer<S> for Readable<L>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    L: Layer<S>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let fields = event.metadata().fields();
        let (Some(message), true) = (fields.field("message"), fields.len() <= MOST_FIELDS) else {
            return self.0.on_event(event, context);
        };
        let mut texts = Texts::default();
        event.record(&mut texts);
        let text = texts.message_with_fields();
        let values: [Option<&dyn Value>; MOST_FIELDS] = std::array::from_fn(|index| {
            let (field, value) = texts.0.get(index)?;
            Some(if *field == message { &text as &dyn Value } else { value })
        });
        // A slot without value is skipped, whatever field it is for.
        let slots: [_; MOST_FIELDS] = std::array::from_fn(|index| {
            (texts.0.get(index).map_or(&message, |(field, _)| field), values[index])
        });
        let values = fields.value_set(&slots);
        self.0.on_event(&Event::new(event.metadata(), &values), context);
    }
}

/// The fields of an event, as text.
#[derive(Default)]
struct Texts(Vec<(Field, String)>);

impl Texts {
    fn message_with_fields(&self) -> String {
        let is_message = |field: &Field| field.name() == "message";
        let message = self.0.iter().find(|(field, _)| is_message(field));
        let mut text = message.map(|(_, text)| text.clone()).unwrap_or_default();
        let is_shown = |field: &Field| !is_message(field) && field.name() != message_id::FIELD;
        for (field, value) in self.0.iter().filter(|(field, _)| is_shown(field)) {
            // Values come from labels and file names: nothing of them may break the line.
            let _ = write!(text, " {field}=\"{}\"", value.escape_debug());
        }
        text
    }
}

impl Visit for Texts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.clone(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.clone(), format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{layer::SubscriberExt as _, registry};

    use super::*;

    type Seen = Arc<Mutex<Vec<(String, String)>>>;

    struct Recorder(Seen);

    impl<S: Subscriber> Layer<S> for Recorder {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut texts = Texts::default();
            event.record(&mut texts);
            let fields = texts.0.into_iter().map(|(field, text)| (field.name().to_owned(), text));
            self.0.lock().unwrap().extend(fields);
        }
    }

    #[test]
    fn a_message_tells_its_fields_but_its_id_and_keeps_them() {
        let seen = Seen::default();
        let subscriber = registry().with(Readable(Recorder(Arc::clone(&seen))));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(
                message_id = message_id::SERVED,
                label = "a\n\"b\"",
                size = 3,
                "published"
            );
        });
        let seen = seen.lock().unwrap();
        let value = |name: &str| seen.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("message"), Some(r#"published label="a\n\"b\"" size="3""#));
        assert_eq!(value("label"), Some("a\n\"b\""));
        assert_eq!(value("size"), Some("3"));
        assert_eq!(value("message_id"), Some(message_id::SERVED));
    }
}
