//! What a script says it does, read before it runs: whoever holds commands back looks at that and not at what EVAL may do.
//!
//! Source: Redis documentation, "Script flags".

use kora_core::command::spec::{Facts, Flags};

use crate::flags::{ScriptFlags, script_flags};
use crate::script::Sha;
use crate::service::Scripts;

/// What a command that runs no script of its own has for it.
const OF_COMMANDS: Flags = Flags::WRITE.with(Flags::DENYOOM).with(Flags::STALE).with(Flags::MAY_REPLICATE);

impl Scripts {
    /// The flags of a command with its arguments: of one that runs a script, those that the script's shebang or the
    /// function's registration gives it.
    #[must_use]
    pub fn effective_flags(&self, facts: &Facts, args: &[&[u8]]) -> Flags {
        let Some(declared) = self.declared(facts, args) else { return facts.flags };
        let others = Flags(facts.flags.0 & !OF_COMMANDS.0);
        let given = [
            (declared.may_write(), Flags::WRITE),
            (declared.needs_memory(), Flags::DENYOOM),
            (declared.has(ScriptFlags::ALLOW_STALE), Flags::STALE),
        ];
        given.into_iter().filter(|(is_given, _)| *is_given).fold(others, |flags, (_, flag)| flags.with(flag))
    }

    /// What the script or function that a command runs has said; `None` if it has said nothing, or can't run.
    fn declared(&self, facts: &Facts, args: &[&[u8]]) -> Option<ScriptFlags> {
        let name = args.get(1)?;
        let flags = match facts.name {
            "eval" | "eval_ro" => script_flags(name).ok()?.0,
            "evalsha" | "evalsha_ro" => self.find(&Sha::parse(name)?)?.flags,
            "fcall" | "fcall_ro" => {
                let name = name.to_ascii_lowercase();
                let libraries = self.libraries();
                let library = libraries.of_function(&name)?;
                library.functions.iter().find(|facts| facts.name.eq_ignore_ascii_case(&name))?.flags
            }
            _ => return None,
        };
        (!flags.has(ScriptFlags::UNDECLARED)).then_some(flags)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::host::CoreHost;
    use crate::service::Origin;
    use crate::{FAMILY, script::Script};

    fn flags(scripts: &Scripts, name: &str, script: &str) -> Flags {
        let spec = FAMILY.iter().find(|spec| spec.facts.name == name).expect("it is one of them");
        scripts.effective_flags(&spec.facts, &[name.as_bytes(), script.as_bytes(), b"0"])
    }

    #[test]
    fn a_shebang_stands_for_the_command() {
        let scripts = Scripts::new(Arc::new(CoreHost::default()));
        let plain = flags(&scripts, "eval", "return 1");
        assert!(plain.has(Flags::MAY_REPLICATE) && plain.has(Flags::STALE) && !plain.has(Flags::WRITE));
        let writes = flags(&scripts, "eval", "#!lua\nreturn 1");
        assert!(writes.has(Flags::WRITE.with(Flags::DENYOOM)));
        assert!(!writes.has(Flags::MAY_REPLICATE) && !writes.has(Flags::STALE));
        let reads = flags(&scripts, "eval", "#!lua flags=no-writes,allow-stale\nreturn 1");
        assert!(reads.has(Flags::STALE) && reads.has(Flags::NOSCRIPT));
        assert!(!reads.has(Flags::WRITE) && !reads.has(Flags::DENYOOM) && !reads.has(Flags::MAY_REPLICATE));
        let full = flags(&scripts, "eval_ro", "#!lua flags=allow-oom,allow-cross-slot-keys\nreturn 1");
        assert!(full.has(Flags::WRITE) && !full.has(Flags::DENYOOM));
        let script = Arc::new(Script::new(b"#!lua flags=no-writes\nreturn 1").unwrap());
        let sha = script.sha.to_string();
        assert!(flags(&scripts, "evalsha", &sha).has(Flags::MAY_REPLICATE), "it is not known yet");
        scripts.add(&script, Origin::Loaded);
        assert!(!flags(&scripts, "evalsha", &sha).has(Flags::MAY_REPLICATE));
    }

    #[test]
    fn a_function_is_asked_too() {
        let scripts = Scripts::new(Arc::new(CoreHost::default()));
        let code = b"#!lua name=lib\nredis.register_function('w', function() end)\n\
                     redis.register_function{function_name='R', callback=function() end, flags={'no-writes'}}";
        scripts.load_library(code, false).unwrap();
        assert!(flags(&scripts, "fcall", "W").has(Flags::WRITE));
        assert!(!flags(&scripts, "fcall_ro", "r").has(Flags::WRITE));
        assert!(flags(&scripts, "fcall", "none").has(Flags::MAY_REPLICATE));
    }
}
