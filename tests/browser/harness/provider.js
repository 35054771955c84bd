// An OpenID Connect provider: oidc-provider, a certified one, whose sign-in page knows `person` already. What a provider must
// not do, it does on request.
import { createServer } from "node:http";
import { decodeJwt, exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";
import Provider from "oidc-provider";

export const SECRET = "the secret of a client, as long as secrets are";

export class OpenId {
  // A provider that sends browsers back to `redirect`.
  static async start(redirect) {
    const openid = new OpenId();
    openid.redirect = redirect;
    openid.people = new Map();
    openid.tampering = {};
    openid.server = createServer((request, response) => openid.callback(request, response));
    await new Promise((resolve) => openid.server.listen(0, "127.0.0.1", resolve));
    openid.issuer = `http://127.0.0.1:${openid.server.address().port}`;
    await openid.rotate();
    return openid;
  }

  // The person who sits before the browser, with the claims that the provider has of it.
  person(sub, claims) {
    this.people.set(sub, { sub, ...claims });
    this.present = sub;
  }

  // Goes on with another key and without a memory.
  async rotate() {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    this.key = { ...(await exportJWK(privateKey)), kid: `key ${(this.keys = (this.keys ?? 0) + 1)}`, alg: "RS256", use: "sig" };
    const provider = new Provider(this.issuer, {
      clients: [{ client_id: "sfumato", client_secret: SECRET, redirect_uris: [this.redirect] }],
      jwks: { keys: [this.key] },
      cookies: { keys: ["a key of cookies that nobody needs to keep"] },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username", "groups"] },
      features: { devInteractions: { enabled: false } },
      ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
      pkce: { required: () => true },
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => this.people.get(sub) }),
      loadExistingGrant: async (ctx) => {
        const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
        grant.addOIDCScope("openid email profile");
        await grant.save();
        return grant;
      },
    });
    provider.use((ctx, next) => this.serve(provider, ctx, next));
    this.callback = provider.callback();
  }

  async serve(provider, ctx, next) {
    const { back, claims, code } = this.tampering;
    if (ctx.path.startsWith("/interaction/")) return this.interact(provider, ctx);
    if (ctx.path === "/token" && code) await code(ctx);
    if (ctx.res.destroyed) return (ctx.respond = false);
    await next();
    const location = ctx.response.get("Location");
    if (location?.startsWith(this.redirect)) {
      this.returned = location;
      if (back) ctx.set("Location", back(new URL(location)).href);
    }
    if (ctx.path === "/token" && ctx.body?.id_token && claims) {
      const changed = claims(decodeJwt(ctx.body.id_token));
      const key = await importJWK(this.key, "RS256");
      ctx.body.id_token = await new SignJWT(changed).setProtectedHeader({ alg: "RS256", kid: this.key.kid }).sign(key);
    }
  }

  // Signs in whoever sits there, or refuses to.
  async interact(provider, ctx) {
    const result = this.present ? { login: { accountId: this.present } } : { error: "access_denied" };
    const next = await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
    ctx.redirect(next);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
