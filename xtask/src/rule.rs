//! The option that has a test break a rule of the engine, to show that it notices.

use anyhow::bail;
use kora_core::shard::probe::Rule;

/// A rule by its name, in whatever case and with dashes or without.
pub(crate) fn parse(name: &str) -> Result<Rule, String> {
    let plain = name.replace('-', "").to_ascii_lowercase();
    let found = Rule::ALL.into_iter().find(|rule| format!("{rule:?}").to_ascii_lowercase() == plain);
    found.ok_or_else(|| {
        let names: Vec<_> = Rule::ALL.iter().map(|rule| format!("{rule:?}")).collect();
        format!("one of {}", names.join(", "))
    })
}

/// Says what was noticed of a broken rule.
///
/// # Errors
/// If nothing was.
pub(crate) fn report<E: std::fmt::Display>(rule: Rule, noticed: Option<E>) -> anyhow::Result<()> {
    let Some(anomaly) = noticed else { bail!("nobody noticed that {rule:?} is broken") };
    let text = anomaly.to_string();
    println!("{rule:?} is broken, and that was noticed: {}", text.lines().next().unwrap_or_default());
    Ok(())
}
