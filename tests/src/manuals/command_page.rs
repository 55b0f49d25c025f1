//! Command lines, as manual pages describe them.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::{
    blocks::{Block, blocks},
    roff::{Page, bold, escaped, italic},
};

/// A command without the subcommands that are only for other programs.
pub(super) fn visible(name: &'static str, command: &Command) -> Command {
    let hidden: Vec<_> = command.get_subcommands().filter(|it| it.is_hide_set()).cloned().collect();
    if hidden.is_empty() {
        return command.clone();
    }
    // There is no way to take a subcommand away.
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set()).cloned();
    let mut copy = Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommands(shown)
        .args(command.get_arguments().cloned());
    if let Some(text) = command.get_about() {
        copy = copy.about(text.clone());
    }
    if let Some(text) = command.get_after_help() {
        copy = copy.after_help(text.clone());
    }
    copy
}

/// Name, options and arguments in one line.
pub(super) fn synopsis(path: &str, command: &Command) -> String {
    let mut words = vec![bold(path)];
    let (positional, options): (Vec<_>, Vec<_>) =
        shown(command).partition(|argument| argument.is_positional());
    words.extend(options.iter().map(|option| {
        let text = form(option, option.get_long().is_none());
        if option.is_required_set() { text } else { format!("[{text}]") }
    }));
    words.extend(positional.iter().map(|argument| {
        let name = value_name(argument);
        let many = if is_many(argument) { " ..." } else { "" };
        let text = format!("{}{many}", italic(&name));
        if argument.is_required_set() { text } else { format!("[{text}]") }
    }));
    words.join(" ")
}

/// The options and arguments, each with what it is for.
pub(super) fn arguments(page: &mut Page, command: &Command) {
    let (positional, options): (Vec<_>, Vec<_>) =
        shown(command).partition(|argument| argument.is_positional());
    for argument in positional.into_iter().chain(options) {
        let tag = if argument.is_positional() {
            italic(&value_name(argument))
        } else if argument.get_short().is_some() && argument.get_long().is_some() {
            format!("{}, {}", form(argument, true), form(argument, false))
        } else {
            form(argument, argument.get_long().is_none())
        };
        page.item(&tag, &explanation(argument));
        let explained: Vec<_> = argument
            .get_possible_values()
            .into_iter()
            .filter_map(|value| Some((value.get_name().to_owned(), value.get_help()?.to_string())))
            .collect();
        if takes_value(argument) && !explained.is_empty() {
            page.indented(|page| {
                for (name, help) in explained {
                    page.item(&bold(&name), &sentence(&help));
                }
            });
        }
    }
}

/// What the help says after the options. Headings are of sections where `sections`, else of examples alone.
pub(super) fn after_help(page: &mut Page, command: &Command, sections: bool) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let blocks = blocks(&text);
    let is_prose = |block: &&Block| matches!(block, Block::Prose(_));
    for block in blocks.iter().filter(is_prose).chain(blocks.iter().filter(|it| !is_prose(it))) {
        match block {
            Block::Prose(text) => page.paragraphs(text),
            Block::Lines(heading, lines) => {
                if sections {
                    // What is said of the option in brackets stands with it.
                    let title = match heading.split_once(" (-o)") {
                        Some(_) => "mount options",
                        None => heading,
                    };
                    page.section(&title.to_uppercase());
                }
                page.example(lines);
            }
            Block::ExitCodes(codes) => {
                if sections {
                    page.section("EXIT STATUS");
                } else {
                    page.paragraphs("Exit codes:");
                }
                for (code, phrase) in codes {
                    page.item(&bold(code), &sentence(phrase));
                }
            }
        }
    }
}

fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    let is_own = |argument: &&Arg| !matches!(argument.get_id().as_str(), "help" | "version");
    command.get_arguments().filter(|argument| !argument.is_hide_set()).filter(is_own)
}

fn explanation(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = sentence(&help.map(ToString::to_string).unwrap_or_default());
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes_value(argument) && !defaults.is_empty() {
        let _ = write!(text, " Default: `{}`.", defaults.join(" "));
    }
    text
}

/// An option with its value, as one types it.
fn form(argument: &Arg, short: bool) -> String {
    let name = match (short, argument.get_short(), argument.get_long()) {
        (true, Some(letter), _) => format!("-{letter}"),
        (_, _, Some(word)) => format!("--{word}"),
        _ => argument.get_id().to_string(),
    };
    let value = takes_value(argument).then(|| format!(" {}", italic(&value_name(argument))));
    let many = if is_many(argument) && takes_value(argument) && !short { " ..." } else { "" };
    format!("{}{}{}", bold(&name), value.unwrap_or_default(), escaped(many).trim_end())
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

fn is_many(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
}

fn value_name(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    match names.first() {
        Some(name) => name.to_string(),
        None => argument.get_id().as_str().to_uppercase(),
    }
}

/// A phrase as a sentence.
pub(super) fn sentence(phrase: &str) -> String {
    let mut characters = phrase.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    let end = if phrase.ends_with('.') { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), characters.as_str())
}
