//! Reusable views. Each gets what it shows as properties and loads nothing.

pub mod badge;
pub mod byte_size;
pub mod command_tabs;
pub mod copy_button;
pub mod digest;
pub mod empty_state;
pub mod failure;
pub mod field;
pub mod footer;
pub mod header;
pub mod icon;
pub mod loaded;
pub mod notice;
pub mod page_head;
pub mod pager;
pub mod relative_time;
pub mod repository_head;
pub mod repository_list;
pub mod repository_row;
pub mod search_box;
pub mod tag_table;
pub mod theme_switch;
