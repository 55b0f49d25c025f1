//! The pure half of isomirror: it reads images, names media, decides what is to be done and renders views.
//!
//! Nothing here opens a file, asks for the time or reads the environment: bytes come in through
//! [`image::ReadAt`], the moment and the settings come in as parameters, and decisions go out as values.

pub mod backend_choice;
pub mod boot;
pub mod catalog;
pub mod checksums;
pub mod completeness;
pub mod config;
pub mod containment;
pub mod control;
pub mod copy;
pub mod desired;
pub mod digest;
pub mod doctor;
pub mod drive;
pub mod erofs;
pub mod generated;
pub mod http;
pub mod image;
pub mod image_file_name;
pub mod implanted_md5;
pub mod inventory;
pub mod ledger;
pub mod manifest;
pub mod medium;
pub mod mountinfo;
pub mod name;
pub mod naming;
pub mod plan;
pub mod role_link;
pub mod signature;
pub mod state;
pub mod survey;
pub mod transfer;
pub mod trust;
pub mod verified;
pub mod version_order;
pub mod view;
