//! Every setting, declared once: what it means, how it is called, what it is by default.
//!
//! The struct, the reader, `config print` and `config.example.toml` come from this one list.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sfumato_core::options::Profile;
use sfumato_engine::blobs::Encrypted;
use sfumato_engine::openid::Issuer;
use sfumato_http::{AllowedOrigins, PublicUrl};
use sfumato_media_client::limits::Damaged;
use sfumato_media_client::sandbox::SandboxMode;

use super::openid::{NewcomersClient, RoleRules, Words};
use super::shared::{DatabaseUrl, Roles};
use super::storage::{HttpEndpoint, StorageLocation, StoreEncryption, Word};
use super::telemetry::{Collector, Part};
use super::units::ByteSize;
use super::values::{
    AutoCount, Count, Folders, LogFormat, LogLevel, Networks, Raw, SettingValue, WrongValue,
};

/// One setting, as the reader and the printer see it.
pub(crate) struct OptionInfo {
    /// Its name in the file, with the section: `webhooks.deadline`.
    pub(crate) key: &'static str,
    /// What it means: the lines of its documentation.
    pub(crate) doc: &'static [&'static str],
    /// Reads a value into the settings.
    pub(crate) read: fn(&mut Settings, Raw<'_>) -> Result<(), WrongValue>,
    /// The value as a TOML literal.
    pub(crate) show: fn(&Settings) -> toml::Value,
}

impl OptionInfo {
    /// Section (empty for the top of the file) and name within it.
    pub(crate) fn section_and_name(&self) -> (&'static str, &'static str) {
        self.key.split_once('.').unwrap_or(("", self.key))
    }

    /// The name of its variable: `SFUMATO_WEBHOOKS__DEADLINE`.
    pub(crate) fn variable(&self) -> String {
        format!("SFUMATO_{}", self.key.replace('.', "__").to_uppercase())
    }
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $key:literal, $default:literal;)+) => {
        /// All settings.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct Settings {
            $($(#[doc = $doc])+ pub(crate) $field: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($field: <$type as SettingValue>::read(Raw::Text($default))
                        .expect("a test reads every default"),)+
                }
            }
        }

        /// Every setting in the order of the file.
        pub(crate) const OPTIONS: &[OptionInfo] = &[
            $(OptionInfo {
                key: $key,
                doc: &[$($doc),+],
                read: |settings, raw| {
                    settings.$field = SettingValue::read(raw)?;
                    Ok(())
                },
                show: |settings| settings.$field.to_toml(),
            },)+
        ];
    };
}

settings! {
    /// Address and port of the API. Port 0 takes a free one, which the log names.
    listen: SocketAddr = "listen", "127.0.0.1:8080";
    /// Address and port at which `/metrics` is answered for Prometheus, with `/healthz` beside it. Whoever reaches it reads
    /// how much this server does: keep it from clients. Empty: nowhere.
    metrics_listen: Option<SocketAddr> = "metrics_listen", "";
    /// The folder that holds everything durable: database, originals, results, keys. Made where it is missing.
    data_dir: PathBuf = "data_dir", "sfumato-data";
    /// PostgreSQL database of an installation of several processes, such as `postgres://sfumato@db.example.com/sfumato`.
    /// Empty: SQLite in the data folder. A password is better kept out of the command line: SFUMATO_DATABASE_URL.
    database_url: Option<DatabaseUrl> = "database_url", "";
    /// What this process does: `api` (with the Manager), `worker`, `courier` (webhooks) and `janitor`. The others of an
    /// installation on PostgreSQL do the rest.
    roles: Roles = "roles", "api,worker,courier,janitor";
    /// The file with the key that signs tokens: 32 bytes, the same for every process with the role `api`.
    /// Empty: `master.key` in the data folder, made where it is missing.
    master_key_file: Option<PathBuf> = "master_key_file", "";
    /// The address under which clients reach the API; the addresses of results begin with it.
    /// Empty: the host that each request names.
    public_url: Option<PublicUrl> = "public_url", "";
    /// Web pages that may call the API from a browser: `*` for all, or their origins parted by commas. The API knows no
    /// cookies, so that a page can do nothing without a token.
    allowed_origins: AllowedOrigins = "allowed_origins", "*";
    /// The folder with the models and ONNX Runtime, as `cargo xtask setup` fills it.
    /// Empty: searched beside the executable, then in the current folder.
    assets_dir: Option<PathBuf> = "assets_dir", "";
    /// The executable `sfumato-media`, which does all media work. Empty: the one beside this executable.
    media_program: Option<PathBuf> = "media_program", "";

    /// Form of the log on standard error: `text` for people, `json` for machines.
    log_format: LogFormat = "log.format", "text";
    /// What is logged: error, warn, info, debug or trace, or levels by module such as `info,sfumato_engine=debug`.
    log_level: LogLevel = "log.level", "info";

    /// The collector of OpenTelemetry that traces are sent to, by OTLP over HTTP: a base address such as
    /// `http://localhost:4318`, to which `/v1/traces` is added. Empty: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (the whole address) or
    /// OTEL_EXPORTER_OTLP_ENDPOINT; where they are empty too, nothing is traced.
    traces_endpoint: Option<Collector> = "telemetry.endpoint", "";
    /// A file with headers for the collector, one a line, such as `Authorization: Bearer …`. Empty:
    /// OTEL_EXPORTER_OTLP_TRACES_HEADERS or OTEL_EXPORTER_OTLP_HEADERS.
    traces_headers_file: Option<PathBuf> = "telemetry.headers_file", "";
    /// The part of all jobs that is traced, 0 to 1: the same jobs in every process that says the same.
    traces_sample_ratio: Part = "telemetry.sample_ratio", "1";
    /// What traces call this service. Empty: OTEL_SERVICE_NAME, or `sfumato`.
    traces_service_name: String = "telemetry.service_name", "";

    /// Jobs that run at the same time, each in a media process of its own with models of its own.
    /// `auto` is one a core.
    jobs_at_once: AutoCount = "worker.jobs_at_once", "auto";
    /// Inference threads of each media process. More than one helps only where fewer jobs than cores run.
    threads_per_job: Count = "worker.threads_per_job", "1";
    /// A picture that takes longer is given up.
    task_deadline: Duration = "worker.task_deadline", "2m";
    /// Videos and archives that are worked on at the same time, each in a fresh process beside those for pictures.
    /// `auto` is one for four cores.
    long_jobs_at_once: AutoCount = "worker.long_jobs_at_once", "auto";
    /// Threads of each video's decoder and encoder, and entries of an archive at a time. `auto` is one a core, 4 at most.
    threads_per_long_job: AutoCount = "worker.threads_per_long_job", "auto";
    /// A video or an archive that takes longer is given up.
    long_job_deadline: Duration = "worker.long_job_deadline", "1d";
    /// Long videos are processed in parts of this length, and what is done of them survives a worker that dies.
    part_length: Duration = "worker.part_length", "1m";
    /// A video or an archive that gets no further for so long is given up.
    silence_max: Duration = "worker.silence_max", "5m";
    /// How long a job belongs to a worker that gives no sign of life; then another may take it.
    lease: Duration = "worker.lease", "30s";

    /// How hard is looked for faces and plates where nobody says: `fast`, `balanced` or `thorough`.
    detection_profile: Profile = "detection.profile", "balanced";

    /// Folders with models of your own, each with a `pack.toml`; `sfumato models verify` checks them.
    model_packs: Folders = "media.model_packs", "";
    /// Whether a media process may work where the kernel does not grant every layer of its sandbox: `require` (it does not
    /// start), `prefer` (with a warning) or `off` (there is no sandbox; for development). `sfumato doctor` shows the layers.
    sandbox: SandboxMode = "media.sandbox", "prefer";

    /// Largest upload.
    upload_bytes_max: ByteSize = "uploads.bytes_max", "8GiB";

    /// Largest file of a picture: decoding holds all of it in memory.
    picture_bytes_max: ByteSize = "pictures.bytes_max", "1GiB";
    /// Largest width and height of a picture in pixels, checked before anything is decoded.
    picture_side_pixels_max: Count = "pictures.side_pixels_max", "65500";
    /// Largest width times height of a picture in pixels; it takes up to 16 bytes of memory a pixel (PNG, 16 bit).
    picture_pixels_max: Count = "pictures.pixels_max", "268435456";
    /// Most frames of an animation, or pages of a TIFF file.
    picture_frames_max: Count = "pictures.frames_max", "1000";
    /// Most pixels of all frames or pages together: what bounds the time that they take.
    picture_frames_pixels_max: Count = "pictures.frames_pixels_max", "1073741824";

    /// Largest width and height of a video's frame in pixels, checked before anything is decoded.
    video_side_pixels_max: Count = "videos.side_pixels_max", "8192";
    /// Largest width times height of a video's frame in pixels; it takes up to 600 bytes of memory a pixel.
    video_frame_pixels_max: Count = "videos.frame_pixels_max", "35651584";
    /// Most frames of a video.
    video_frames_max: Count = "videos.frames_max", "864000";
    /// Longest video.
    video_duration_max: Duration = "videos.duration_max", "4h";
    /// What happens to a damaged video of which some frames cannot be decoded: `warn` (the result lacks them, and a warning
    /// says so) or `fail` (the job fails).
    video_damaged: Damaged = "videos.damaged", "warn";

    /// Most entries of a ZIP archive, folders too.
    archive_entries_max: Count = "archives.entries_max", "100000";
    /// Largest entry of an archive when it is inflated.
    archive_entry_bytes_max: ByteSize = "archives.entry_bytes_max", "8GiB";
    /// Largest size of all entries of an archive together when they are inflated.
    archive_bytes_max: ByteSize = "archives.bytes_max", "32GiB";
    /// How many times larger an entry may become when it is inflated.
    archive_ratio_max: Count = "archives.ratio_max", "200";

    /// Where originals and results lie: a folder, or a bucket of an S3-compatible store, `s3://bucket/prefix`. Credentials for
    /// it come from the usual variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, …) or the machine's role, never from here.
    /// Empty: the folder `blobs` in the data folder.
    storage: StorageLocation = "storage.location", "";
    /// The address of an S3-compatible store that is not AWS's. Empty: AWS_ENDPOINT_URL, or AWS.
    storage_endpoint: Option<HttpEndpoint> = "storage.endpoint", "";
    /// Its region. Empty: AWS_REGION, or `us-east-1`.
    storage_region: Word = "storage.region", "";
    /// Whether the bucket stands in the path of addresses. Otherwise it stands in the host name.
    storage_path_style: bool = "storage.path_style", "true";
    /// Lets the store be reached without TLS. For development: originals and credentials cross the network in the clear.
    storage_allow_http: bool = "storage.allow_http", "false";
    /// Whether the store is asked to encrypt what it keeps: `none` (as the bucket says), `AES256` or `aws:kms`.
    storage_server_side_encryption: StoreEncryption = "storage.server_side_encryption", "none";
    /// The key of `aws:kms`. Empty: the account's own.
    storage_kms_key: Word = "storage.kms_key", "";
    /// Larger blobs go to an S3-compatible store in parts of this size, at least 5MiB. A blob has 10,000 parts at most, and an
    /// upload that is being received holds two of them in memory.
    storage_part_bytes: ByteSize = "storage.part_bytes", "8MiB";
    /// How long an S3-compatible store may be silent within a request, and how long one that fails is tried again.
    storage_timeout: Duration = "storage.timeout", "1m";
    /// Answers requests for results with a redirection to an S3-compatible store, which then hands them out by itself. Not for
    /// results that this server encrypts.
    storage_redirect_results: bool = "storage.redirect_results", "false";
    /// How long the address of such a redirection works. Whoever has it needs no token.
    storage_redirect_lifetime: Duration = "storage.redirect_lifetime", "5m";
    /// A file with keys, one a line in 64 hexadecimal digits (`openssl rand -hex 32`): what is written is encrypted with the
    /// first before it leaves the server, and every one of them reads. The variable SFUMATO_STORAGE_KEYS may hold the same,
    /// parted by commas. Whoever loses the keys loses the blobs.
    storage_key_file: Option<PathBuf> = "storage.encryption_key_file", "";
    /// What is encrypted where there are keys: `originals` (and what lies beside them), `everything`, or `nothing` any more.
    storage_encrypt: Encrypted = "storage.encrypt", "originals";

    /// Free space that stays on the disk of the data folder: uploads are refused before there is less. 0: as much as there is.
    storage_free_min: ByteSize = "storage.free_min", "256MiB";

    /// Requests a minute of one client, all of which may come at once; further ones are answered with 429. The largest number
    /// is no limit, here and below.
    requests_per_client: Count = "limits.requests_per_client", "60000";
    /// Requests a minute from one address, of which IPv6 counts the /64. This machine has no limit of its own.
    requests_per_address: Count = "limits.requests_per_address", "60000";
    /// Requests a minute that bring a secret or a password, to `/login`, `/token` and the sign-in page, from one address.
    token_requests_per_address: Count = "limits.token_requests_per_address", "60";
    /// Proxies in front of this server, as networks parted by commas, such as `10.0.0.0/8`: what they say in `X-Forwarded-For` of
    /// whom a request comes from is believed. Where they are not named, all clients behind one share its address.
    trusted_proxies: Networks = "limits.trusted_proxies", "";
    /// Connections that are open at the same time; further ones wait.
    connections_max: Count = "limits.connections_max", "4096";
    /// Those of them from one address; a further one is closed. Trusted proxies and this machine have no such limit.
    connections_per_address: Count = "limits.connections_per_address", "1024";
    /// Longest time for the headers of a request, and longest pause between two requests of a connection.
    headers_timeout: Duration = "limits.headers_timeout", "30s";
    /// Longest pause of a client in sending an upload, and in taking an answer.
    stall_timeout: Duration = "limits.stall_timeout", "1m";
    /// Bytes a second at which an upload must come in the long run. 0: it may be as slow as it likes.
    upload_rate_min: ByteSize = "limits.upload_rate_min", "1KiB";
    /// Jobs of all clients that wait at most; a further upload is answered with 429 and the time after which to come again.
    jobs_waiting_max: Count = "limits.jobs_waiting_max", "1000000";
    /// A file with keys, one a line in 64 hexadecimal digits (`openssl rand -hex 32`), that the tokens and signing secrets of
    /// webhook endpoints are sealed with in the database: the first seals, every one of them opens. The variable
    /// SFUMATO_SECRETS_KEYS may hold the same, parted by commas. Empty: `secrets.key` in the data folder, which `sfumato secrets
    /// rotate` makes, and a key that is derived from the master key.
    secrets_key_file: Option<PathBuf> = "secrets.key_file", "";

    /// How long one delivery may take, from name resolution to the last byte of the answer.
    webhook_deadline: Duration = "webhooks.deadline", "15s";
    /// Deliveries in flight at the same time.
    deliveries_at_once: Count = "webhooks.deliveries_at_once", "512";
    /// Deliveries in flight to one endpoint at the same time.
    deliveries_per_endpoint: Count = "webhooks.deliveries_per_endpoint", "16";
    /// Deliveries a second to one endpoint; the largest number is no limit.
    deliveries_per_second: Count = "webhooks.deliveries_per_second", "4294967295";
    /// Keeps the first 4 KiB of endpoints' answers for their clients to look at, as long as `retention.history` says. A client
    /// can switch it off for an endpoint.
    keep_responses: bool = "webhooks.keep_responses", "true";
    /// Networks that endpoints may lie in beside public addresses, such as `10.1.0.0/16`, parted by commas. Every client can
    /// send requests into them.
    webhook_networks: Networks = "webhooks.allowed_networks", "";
    /// Refuses endpoints that are not reached by https.
    webhooks_require_https: bool = "webhooks.require_https", "false";
    /// Lets endpoints lie on this machine and in private networks. For development: in production it lets every
    /// client send requests into your network.
    allow_private_webhooks: bool = "webhooks.allow_private", "false";

    /// How long an original is kept after its job has finished.
    originals_kept: Duration = "retention.originals", "0s";
    /// How long a result can be downloaded.
    results_kept: Duration = "retention.results", "7d";
    /// How long the answers of webhook endpoints and ended logins are kept.
    history_kept: Duration = "retention.history", "7d";
    /// How long the audit log is kept: who signed in, changed credentials and endpoints, read and deleted files.
    audit_kept: Duration = "retention.audit", "365d";
    /// After how long a file in the storage that the database does not know is deleted. Longer than any upload takes.
    orphans_kept: Duration = "retention.orphans", "1d";

    /// Lifetime of an access token.
    access_token_lifetime: Duration = "tokens.access_lifetime", "1h";
    /// Lifetime of a refresh token.
    refresh_token_lifetime: Duration = "tokens.refresh_lifetime", "30d";

    /// A person's session at the Manager ends when it was not used for so long.
    session_idle: Duration = "manager.session_idle", "12h";
    /// It ends after so long, however much it is used.
    session_lifetime: Duration = "manager.session_lifetime", "7d";
    /// Whether people may sign in by password. Off, the provider under `[openid]` is the only way in.
    password_sign_in: bool = "manager.password_sign_in", "true";

    /// The issuer identifier of an OpenID Connect provider by which people sign in, exactly as the provider writes it.
    /// Empty: there is none. It needs `public_url`, under which the provider knows
    /// `PUBLIC_URL/manager/sign-in/openid/return`.
    openid_issuer: Option<Issuer> = "openid.issuer", "";
    /// What the sign-in page calls the provider.
    openid_name: String = "openid.name", "OpenID Connect";
    /// What the provider knows this server by.
    openid_client_id: String = "openid.client_id", "";
    /// A file with the secret that proves it. Empty: none, where the provider knows a public client.
    openid_client_secret_file: Option<PathBuf> = "openid.client_secret_file", "";
    /// What is asked for beside `openid`, parted by spaces.
    openid_scopes: Words = "openid.scopes", "profile email";
    /// The claim that says what people become: a text or a list of texts. Dots lead into objects.
    openid_role_claim: String = "openid.role_claim", "groups";
    /// What becomes of whom, parted by commas: `VALUE=administrator`, or `VALUE=CLIENT_ID` for members of a client; the first
    /// that fits counts, at each sign-in. Empty: administrators of the Manager decide.
    openid_roles: RoleRules = "openid.roles", "";
    /// The client (its id) whose members people become whom no role fits. Empty: unknown people are refused.
    openid_newcomers: Option<NewcomersClient> = "openid.newcomers", "";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_default_is_read_and_shown_as_it_is_written() {
        let defaults = Settings::default();
        let mut copy = Settings::default();
        for option in OPTIONS {
            let shown = (option.show)(&defaults);
            let text = match &shown {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (option.read)(&mut copy, Raw::Text(&text)).unwrap();
        }
        assert_eq!(copy, defaults);
    }

    #[test]
    fn keys_and_variables_are_unique_and_sections_stay_together() {
        let keys: BTreeSet<_> = OPTIONS.iter().map(|option| option.key).collect();
        let variables: BTreeSet<_> = OPTIONS.iter().map(OptionInfo::variable).collect();
        assert_eq!((keys.len(), variables.len()), (OPTIONS.len(), OPTIONS.len()));
        let mut sections: Vec<_> = OPTIONS.iter().map(|option| option.section_and_name().0).collect();
        sections.dedup();
        let distinct: BTreeSet<_> = sections.iter().collect();
        assert_eq!(distinct.len(), sections.len());
    }
}
