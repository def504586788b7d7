//! `ambit completions`

use clap::Args;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Print a script that completes `ambit` in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(ambit completions bash)
  ambit completions zsh > ~/.zfunc/_ambit
  ambit completions fish > ~/.config/fish/completions/ambit.fish

Exit status:
  0  done
  2  the command line is wrong")]
pub struct Completions {
    /// The shell: `bash`, `elvish`, `fish`, `powershell` or `zsh`
    #[arg(value_enum, hide_possible_values = true)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        // Made in memory first: the generator panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::description(), "ambit", &mut script);
        terminal.out.write_all(&script)?;
        Ok(())
    }
}
