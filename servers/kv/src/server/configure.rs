//! What follows from CONFIG SET. The one rule: the configuration is the new one while its effects are tried,
//! and the old one again, with its effects, if one of them fails.

use super::Server;
use super::listeners::Kind;
use crate::acl::Acl;
use crate::config::{AclPubsubDefault, Change, Config, Effect, LogLevel, OomScoreAdj, SetError, system_text};
use crate::host::{Host, OomScore};
use tracing::level_filters::LevelFilter;

/// Descriptors that are no clients: listeners, files, the reactor's own.
const DESCRIPTORS_RESERVED: u64 = 32;

impl Server {
    /// Take over a change and its effects, or neither.
    pub(crate) fn take_over(&mut self, change: Change) -> Result<(), SetError> {
        let before = std::mem::replace(&mut self.config, change.config);
        self.configuration_changed();
        for (done, (effect, name)) in change.effects.iter().enumerate() {
            let Err(why) = self.put_into_effect(*effect) else { continue };
            tracing::warn!(
                "Failed applying new configuration. Possibly related to new {name} setting. Restoring previous \
                 settings."
            );
            self.config = before;
            self.configuration_changed();
            for (effect, _) in change.effects.iter().take(done.saturating_add(1)) {
                if let Err(why) = self.put_into_effect(*effect) {
                    tracing::warn!("Failed applying restored failed CONFIG SET command: {why}");
                }
            }
            return Err(SetError::Refused(name.as_bytes().to_vec(), why.into()));
        }
        Ok(())
    }

    /// What others keep of the configuration.
    fn configuration_changed(&mut self) {
        self.acl.all_channels = has_all_channels(&self.config);
    }

    fn put_into_effect(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Bind => self.listen_at_addresses(),
            Effect::Port => self.listen_at_port(Kind::Plain),
            Effect::TlsPort if self.listeners.certificates.is_none() && self.config.tls_port != 0 => {
                self.renew_certificates().and_then(|()| self.listen_at_port(Kind::Tls))
            }
            Effect::TlsPort => self.listen_at_port(Kind::Tls),
            Effect::Tls if self.config.tls_port != 0 => self.renew_certificates(),
            Effect::KeepAlive => {
                self.keep_peers_alive();
                Ok(())
            }
            Effect::MaxMemoryClients => {
                self.limit_clients_memory();
                Ok(())
            }
            Effect::Tls => Ok(()),
            Effect::MaxClients => self.allow_clients(),
            Effect::MaxMemory => {
                self.maxmemory_changed();
                Ok(())
            }
            Effect::RequirePass => {
                let password = self.config.requirepass.clone();
                self.acl.require_password(&password);
                Ok(())
            }
            Effect::LogLevel => {
                self.host.log_from(log_filter(self.config.loglevel));
                Ok(())
            }
            Effect::OomScore => self.adjust_oom_score(),
            Effect::Directory => self.enter_directory(),
            Effect::Save => {
                if !self.config.save.0.is_empty() {
                    tracing::warn!(
                        "save points are kept, but nothing is saved: this server has no persistence"
                    );
                }
                Ok(())
            }
        }
    }

    fn listen_at_addresses(&mut self) -> Result<(), String> {
        let listening = self.listen_again(Kind::Plain).and_then(|()| self.listen_again(Kind::Tls));
        listening.map_err(|why| {
            tracing::warn!("{why}");
            "Failed to bind to specified addresses.".to_owned()
        })
    }

    fn listen_at_port(&mut self, kind: Kind) -> Result<(), String> {
        self.listen_again(kind).map_err(|why| {
            tracing::warn!("{why}");
            "Unable to listen on this port. Check server logs.".to_owned()
        })
    }

    fn renew_certificates(&mut self) -> Result<(), String> {
        self.load_certificates().map_err(|why| {
            tracing::warn!("Failed to configure TLS: {why}");
            "Unable to update TLS configuration. Check server logs.".to_owned()
        })
    }

    /// When the server starts: ask the process for what is configured, and make do with what it gives.
    pub(super) fn settle_process(&mut self) {
        if let Err(why) = self.allow_clients() {
            let wanted = self.config.maxclients;
            tracing::warn!("You requested maxclients of {wanted}. {why}");
        }
        if let Err(why) = self.adjust_oom_score() {
            tracing::warn!("{why}");
        }
    }

    /// See that as many clients as are configured may come.
    pub(crate) fn allow_clients(&mut self) -> Result<(), String> {
        let wanted = u64::from(self.config.maxclients) + DESCRIPTORS_RESERVED;
        self.host.allow_descriptors(wanted).map_err(|possible| {
            let clients = possible.saturating_sub(DESCRIPTORS_RESERVED);
            format!(
                "The operating system is not able to handle the specified number of clients, try with {clients}"
            )
        })
    }

    fn maxmemory_changed(&mut self) {
        let (limit, used) = (self.config.maxmemory, self.memory.used());
        if self.is_over_memory() {
            tracing::warn!(
                "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory \
                 usage ({used}). This will result in key eviction and/or the inability to accept new write commands \
                 depending on the maxmemory-policy."
            );
            self.evict_later();
        }
    }

    /// Tell the system how soon to kill this process when memory runs out.
    pub(crate) fn adjust_oom_score(&mut self) -> Result<(), String> {
        let [master, ..] = self.config.oom_score_adj_values.0;
        let score = match self.config.oom_score_adj {
            OomScoreAdj::No => None,
            OomScoreAdj::Relative => Some(OomScore::Relative(master)),
            OomScoreAdj::Absolute => Some(OomScore::Absolute(master)),
        };
        self.host.adjust_oom_score(score).map_err(|error| {
            tracing::warn!(%error, "can't change oom_score_adj");
            "Failed to set current oom_score_adj. Check server logs.".to_owned()
        })
    }

    fn enter_directory(&mut self) -> Result<(), String> {
        let text = |error| system_text(&error);
        self.host.enter(&self.config.dir).map_err(text)?;
        self.config.dir = self.host.directory().map_err(text)?;
        Ok(())
    }
}

/// Whether new users have all channels.
fn has_all_channels(config: &Config) -> bool {
    config.acl_pubsub_default == AclPubsubDefault::AllChannels
}

/// Make the users that the configuration says: by its own lines, or by a file.
///
/// # Errors
/// If they can't be: why.
pub(super) fn configure_users(
    acl: &mut Acl,
    config: &Config,
    users: &[Vec<Vec<u8>>],
    host: &mut dyn Host,
) -> Result<(), String> {
    acl.all_channels = has_all_channels(config);
    acl.require_password(&config.requirepass);
    let path = &config.aclfile;
    if !path.is_empty() && !users.is_empty() {
        return Err("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is \
                    invalid. This setup is very likely to lead to configuration errors and security holes, please \
                    define either an ACL file or declare users directly in your redis.conf, but not both."
            .to_owned());
    }
    acl.configure(users).map_err(|why| format!("{why}\nCritical error while loading ACLs. Exiting."))?;
    if path.is_empty() {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(path);
    let loaded = match host.read(path) {
        Ok(text) => acl.load(&text, &shown).map(drop),
        Err(error) => Err(format!("Error loading ACLs, opening file '{shown}': {}", system_text(&error))),
    };
    loaded.map_err(|why| format!("Aborting Redis startup because of ACL errors: {why}"))
}

/// The events that a level stands for.
pub(crate) fn log_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
    }
}
