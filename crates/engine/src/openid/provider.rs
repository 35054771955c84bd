//! The conversation with the provider: its document and keys, the way of a browser to it, and what a code is worth.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenFields, IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sfumato_core::Timestamp;
use tokio::sync::Mutex;
use url::Url;

use super::claims::Claims;
use super::flow::Flow;
use super::http::Http;
use super::{OpenIdError, OpenIdSettings, ProviderFault};

/// How long the provider's document and keys are taken for current. Keys that are missing are looked for at once.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// How far the provider's clock may be from this machine's.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(60);

/// What may sign an ID token: never a shared secret, and never nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Claims beside those of the standard, of which one may say what the person becomes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Further {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for Further {}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        Further,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type RelyingParty = Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

struct Known {
    metadata: Arc<CoreProviderMetadata>,
    at: Timestamp,
}

/// The provider, with what was last heard of it.
pub(crate) struct Provider {
    pub(super) settings: OpenIdSettings,
    http: Http,
    known: Mutex<Option<Known>>,
}

impl Provider {
    pub(crate) fn new(settings: OpenIdSettings) -> Self {
        Self {
            settings,
            http: Http::new(),
            known: Mutex::new(None),
        }
    }

    /// Whether the provider's document and keys are to be had.
    pub(super) async fn reach(&self, now: Timestamp) -> Result<(), OpenIdError> {
        self.metadata(now).await.map(drop)
    }

    /// The provider's document and keys. Old ones serve while the provider does not answer: its keys seldom change, and
    /// whoever cannot reach it cannot exchange a code either.
    async fn metadata(&self, now: Timestamp) -> Result<Arc<CoreProviderMetadata>, OpenIdError> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && now.since(known.at) < FRESH
        {
            return Ok(known.metadata.clone());
        }
        match (self.discover(&mut known, now).await, &*known) {
            (Ok(metadata), _) => Ok(metadata),
            (Err(error), Some(known)) => {
                let error = sfumato_core::chain(&error);
                tracing::warn!(
                    error,
                    "the OpenID Connect provider was not heard; what is known of it serves"
                );
                Ok(known.metadata.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Newer keys than those that were just used.
    async fn newer(
        &self,
        used: &Arc<CoreProviderMetadata>,
        now: Timestamp,
    ) -> Result<Arc<CoreProviderMetadata>, OpenIdError> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && !Arc::ptr_eq(&known.metadata, used)
        {
            return Ok(known.metadata.clone());
        }
        self.discover(&mut known, now).await
    }

    async fn discover(
        &self,
        known: &mut Option<Known>,
        now: Timestamp,
    ) -> Result<Arc<CoreProviderMetadata>, OpenIdError> {
        let found = CoreProviderMetadata::discover_async(self.issuer(), &self.http).await;
        let metadata = Arc::new(found.map_err(|error| match error {
            DiscoveryError::Request(source) => OpenIdError::Unreachable(source.into()),
            other => OpenIdError::Provider(ProviderFault::new(other)),
        })?);
        *known = Some(Known {
            metadata: metadata.clone(),
            at: now,
        });
        Ok(metadata)
    }

    fn issuer(&self) -> IssuerUrl {
        let issuer = self.settings.issuer.as_str().to_owned();
        IssuerUrl::new(issuer).expect("the settings hold an address")
    }

    fn relying_party(&self, metadata: &CoreProviderMetadata, redirect: &Url) -> RelyingParty {
        let secret = self.settings.client_secret.as_ref();
        let party = RelyingParty::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.settings.client_id.clone()),
            secret.map(|secret| ClientSecret::new(secret.expose().to_owned())),
        );
        // Basic authentication is what a provider must know that says nothing.
        let methods = metadata.token_endpoint_auth_methods_supported();
        let in_the_body = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        party
            .set_redirect_uri(RedirectUrl::from_url(redirect.clone()))
            .set_auth_type(if in_the_body {
                AuthType::RequestBody
            } else {
                AuthType::BasicAuth
            })
    }

    /// Where to send a browser for a flow.
    pub(super) async fn way(&self, flow: &Flow, redirect: &Url, now: Timestamp) -> Result<Url, OpenIdError> {
        let metadata = self.metadata(now).await?;
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let party = self.relying_party(&metadata, redirect);
        let state = CsrfToken::new(flow.state.clone());
        let nonce = Nonce::new(flow.nonce.clone());
        let request = party.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || state,
            move || nonce,
        );
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let (url, _, _) = request
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url)
    }

    /// Exchanges a code for what the provider says of the person, all of it checked.
    pub(super) async fn claims(
        &self,
        flow: &Flow,
        code: &str,
        redirect: &Url,
        now: Timestamp,
    ) -> Result<(String, Claims), OpenIdError> {
        let metadata = self.metadata(now).await?;
        let party = self.relying_party(&metadata, redirect);
        let tokens = self.exchange(&party, flow, code).await?;
        let signed = match signed_claims(&party, &tokens, flow, now) {
            // The keys may have changed since they were fetched.
            Err(ProviderFault::Signature(_)) => {
                let metadata = self.newer(&metadata, now).await?;
                let party = self.relying_party(&metadata, redirect);
                signed_claims(&party, &tokens, flow, now)
            }
            judged => judged,
        }?;
        let further = self.further_claims(&party, &tokens, &signed.subject).await?;
        Ok((signed.subject, Claims::new(signed.all, further)))
    }

    async fn exchange(&self, party: &RelyingParty, flow: &Flow, code: &str) -> Result<Tokens, OpenIdError> {
        let request = party
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(ProviderFault::new)?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()));
        request
            .request_async(&self.http)
            .await
            .map_err(|error| match error {
                RequestTokenError::Request(source) => OpenIdError::Unreachable(source.into()),
                RequestTokenError::ServerResponse(answer)
                    if *answer.error() == CoreErrorResponseType::InvalidGrant =>
                {
                    OpenIdError::Code
                }
                other => OpenIdError::Provider(ProviderFault::new(other)),
            })
    }

    /// What the userinfo endpoint says, where there is one: many providers name groups and addresses only there.
    async fn further_claims(
        &self,
        party: &RelyingParty,
        tokens: &Tokens,
        subject: &str,
    ) -> Result<Map<String, Value>, OpenIdError> {
        if party.user_info_url().is_none() {
            return Ok(Map::new());
        }
        let subject = openidconnect::SubjectIdentifier::new(subject.to_owned());
        let request = party
            .user_info(tokens.access_token().clone(), Some(subject))
            .map_err(ProviderFault::new)?;
        let answer = request.request_async(&self.http).await;
        let claims: UserInfoClaims<Further, CoreGenderClaim> = answer.map_err(|error| match error {
            openidconnect::UserInfoError::Request(source) => OpenIdError::Unreachable(source.into()),
            other => OpenIdError::Provider(ProviderFault::new(other)),
        })?;
        Ok(object(&claims)?)
    }
}

struct Signed {
    subject: String,
    all: Map<String, Value>,
}

/// The claims of the ID token, whose issuer, audience, signature, time and nonce are right.
fn signed_claims(
    party: &RelyingParty,
    tokens: &Tokens,
    flow: &Flow,
    now: Timestamp,
) -> Result<Signed, ProviderFault> {
    let token = tokens.id_token().ok_or(ProviderFault::NoIdToken)?;
    let verifier = verifier(party, now);
    let claims = token.claims(&verifier, &Nonce::new(flow.nonce.clone()))?;
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = token.signing_alg().map_err(ProviderFault::new)?;
        let key = token.signing_key(&verifier).map_err(ProviderFault::new)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if actual.map_err(ProviderFault::new)? != *expected {
            return Err(ProviderFault::AccessTokenHash);
        }
    }
    Ok(Signed {
        subject: claims.subject().as_str().to_owned(),
        all: object(claims)?,
    })
}

fn verifier(party: &RelyingParty, now: Timestamp) -> IdTokenVerifier<'_, CoreJsonWebKey> {
    let earliest = instant(now.before(CLOCK_SKEW_MAX));
    let latest = instant(now.after(CLOCK_SKEW_MAX));
    party
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || earliest.into())
        .set_issue_time_verifier_fn(move |issued| {
            if SystemTime::from(issued) <= latest {
                Ok(())
            } else {
                Err("the ID token comes from the future".to_owned())
            }
        })
}

fn instant(at: Timestamp) -> SystemTime {
    let since = u64::try_from(at.as_micros()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(since)
}

fn object(claims: &impl Serialize) -> Result<Map<String, Value>, ProviderFault> {
    match serde_json::to_value(claims).map_err(ProviderFault::new)? {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}
