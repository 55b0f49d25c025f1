//! What people and scripts see: directory listings, the index page and its document.
//!
//! Rendering only: values in, text out. Everything that came from a medium passes through [`escape`] on its way; no
//! view reads a medium, and none shows what only the host should know.

pub mod autofs_map;
pub mod escape;
pub mod ipxe;

mod autofs_text;
mod checksums;
mod document;
mod listing;
mod metrics;
mod mirror_url;
mod page;
mod quantity;
mod repositories;
mod settings;
mod style;
mod template;
mod web_root_files;

pub use checksums::checksums;
pub use document::{document_text, medium_text};
pub use listing::{ListedKind, ListedObject, Listing};
pub use metrics::{HttpFigures, METRICS_TYPE, MetricsView, WorkFigures, metrics};
pub use mirror_url::{MirrorUrl, file_url};
pub use page::{IndexView, index_page};
pub use repositories::{apt_sources, rpm_repositories};
pub use settings::ViewSettings;
pub use style::content_security_policy;
pub use template::{BootValues, expand};
pub use web_root_files::{WebRootFile, WebRootFiles, WebRootViews, web_root_files};
