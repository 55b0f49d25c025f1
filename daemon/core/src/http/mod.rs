//! HTTP/1.1 as far as it is a matter of bytes and rules: RFC 9110 (semantics) and RFC 9112 (messages).
//!
//! Everything here turns what a client sent into a value, or a value into what is sent to a client. It must not know
//! sockets, media or the time: the server hands in what it received, the validators of what it found, and the moment.

mod conditions;
mod date;
mod entity_tag;
mod head;
mod host;
mod log_line;
mod media_type;
mod range;
mod response;
mod route;
mod status;
mod target;

pub use conditions::{Precondition, Validators};
pub use date::{format_date, parse_date};
pub use entity_tag::EntityTag;
pub use head::{MAXIMUM_HEAD, Method, Received, RequestHead, receive};
pub use host::Host;
pub use log_line::{LogLine, forwarded_client};
pub use media_type::media_type;
pub use range::{ByteRange, RangeRequest};
pub use response::{Persistence, ResponseHead};
pub use route::Route;
pub use status::Status;
pub use target::{InvalidTarget, Target};
