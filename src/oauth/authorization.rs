//! What an authorization request asks for. [RFC 6749 §4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1),
//! [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
//!
//! Read in the order of trust: first who asks and where the answer goes ([`Addressee`]), then how it is answered
//! ([`Manner`]), then everything else ([`Wishes`]). Only what the first two say can carry the refusal of the third.

use super::{
    claims,
    client::words,
    params::Params,
    pkce::Challenge,
    refusal::{Code, Refusal},
};

words! {
    /// How the answer travels.
    ResponseMode {
        Query = "query",
        Fragment = "fragment",
        FormPost = "form_post",
    }
}

words! {
    /// What the client wants at once.
    ResponseType {
        Code = "code",
        /// For migrations only: an access token in the fragment.
        Token = "token",
    }
}

words! {
    /// Which pages the person must, or must not, see.
    Prompt {
        None = "none",
        Login = "login",
        Consent = "consent",
        SelectAccount = "select_account",
    }
}

/// Who asks, and where the answer is to go; nothing of it proven.
#[derive(Clone, Debug)]
pub struct Addressee<'p> {
    pub client_id: &'p str,
    pub redirect_uri: Option<&'p str>,
}

impl<'p> Addressee<'p> {
    /// Reads it.
    ///
    /// # Errors
    /// `invalid_request` when either comes twice or the client is missing; the answer is a page, never a redirect.
    pub fn read(params: &'p Params<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            client_id: params.required("client_id")?,
            redirect_uri: params.one("redirect_uri")?,
        })
    }
}

/// How the answer is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    pub state: Option<String>,
    pub mode: ResponseMode,
}

impl Manner {
    /// Reads as much of it as is clear: what is ambiguous or unknown is left out, and [`Wishes::read`] refuses it.
    pub fn read(params: &Params<'_>) -> Self {
        let default = match params.one("response_type") {
            Ok(Some("token")) => ResponseMode::Fragment,
            _ => ResponseMode::Query,
        };
        let mode = params.one("response_mode").ok().flatten();
        Self {
            state: params.one("state").ok().flatten().map(str::to_owned),
            mode: mode
                .and_then(ResponseMode::parse)
                .filter(|mode| *mode == ResponseMode::FormPost)
                .unwrap_or(default),
        }
    }
}

/// Everything else.
#[derive(Clone, Debug)]
pub struct Wishes {
    pub response_type: ResponseType,
    /// `None` only with [`ResponseType::Token`].
    pub challenge: Option<Challenge>,
    pub scope: Option<String>,
    pub resources: Vec<String>,
    pub nonce: Option<String>,
    pub prompt: Vec<Prompt>,
    /// Seconds.
    pub max_age: Option<i64>,
    pub login_hint: Option<String>,
    pub id_token_hint: Option<String>,
    pub acr_values: Option<String>,
    pub ui_locales: Option<String>,
    /// The JSON text of the `claims` parameter.
    pub claims: Option<String>,
    /// What it asks for.
    pub wanted: claims::Request,
}

/// The longest value of any parameter. (RFC 6749 leaves it open; browsers and proxies do not.)
const LONGEST: usize = 8192;

impl Wishes {
    /// Reads them. `implicit` says whether the operator allows `response_type=token`.
    ///
    /// # Errors
    /// The code of RFC 6749 §4.1.2.1 or OpenID Connect Core §3.1.2.6 that fits.
    pub fn read(params: &Params<'_>, implicit: bool) -> Result<Self, Refusal> {
        // RFC 6749 §3.1: request parameters must not be included more than once.
        params.once(&["resource"])?;
        let text = |name: &'static str| params.one(name).map(|value| value.map(str::to_owned));
        let response_type = response_type(params, implicit)?;
        check_mode(params, response_type)?;
        refuse_unsupported(params)?;
        let challenge = match response_type {
            ResponseType::Code => Some(Challenge::read(
                params.one("code_challenge")?,
                params.one("code_challenge_method")?,
            )?),
            ResponseType::Token => None,
        };
        let wishes = Self {
            response_type,
            challenge,
            scope: text("scope")?,
            resources: params.all("resource").map(str::to_owned).collect(),
            nonce: text("nonce")?,
            prompt: prompts(params)?,
            max_age: max_age(params)?,
            login_hint: text("login_hint")?,
            id_token_hint: text("id_token_hint")?,
            acr_values: text("acr_values")?,
            ui_locales: text("ui_locales")?,
            claims: text("claims")?,
            wanted: claims::Request::default(),
        };
        wishes.check_lengths()?;
        let wanted = wishes.claims.as_deref().map(claims::Request::parse).transpose()?;
        Ok(Self {
            wanted: wanted.unwrap_or_default(),
            ..wishes
        })
    }

    /// Whether the person must see this page.
    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        let texts = [
            &self.scope,
            &self.nonce,
            &self.login_hint,
            &self.id_token_hint,
            &self.acr_values,
            &self.ui_locales,
            &self.claims,
        ];
        let long = texts
            .iter()
            .any(|text| text.as_ref().is_some_and(|t| t.len() > LONGEST));
        if long || self.resources.len() > 20 || self.resources.iter().any(|r| r.len() > LONGEST) {
            return Err(Code::InvalidRequest.because("a parameter of the authorization request is too long"));
        }
        Ok(())
    }
}

fn response_type(params: &Params<'_>, implicit: bool) -> Result<ResponseType, Refusal> {
    match ResponseType::parse(params.required("response_type")?) {
        Some(ResponseType::Token) if !implicit => None,
        known => known,
    }
    .ok_or_else(|| {
        Code::UnsupportedResponseType
            .because("this server answers response_type=code")
            .reason("response_type.unserved")
    })
}

fn check_mode(params: &Params<'_>, response_type: ResponseType) -> Result<(), Refusal> {
    let Some(mode) = params.one("response_mode")? else {
        return Ok(());
    };
    // OAuth 2.0 Multiple Response Type Encoding Practices §2.1: a token never travels in a query.
    let fits = match ResponseMode::parse(mode) {
        Some(ResponseMode::Query) => response_type == ResponseType::Code,
        Some(ResponseMode::Fragment) => response_type == ResponseType::Token,
        Some(ResponseMode::FormPost) => true,
        None => false,
    };
    if fits {
        return Ok(());
    }
    Err(Code::InvalidRequest.because("response_mode must be query or form_post"))
}

/// OpenID Connect Core §6: what travels in `request` and `request_uri` would override what stands beside it.
fn refuse_unsupported(params: &Params<'_>) -> Result<(), Refusal> {
    let refused = [
        ("request", Code::RequestNotSupported),
        ("request_uri", Code::RequestUriNotSupported),
        ("registration", Code::RegistrationNotSupported),
    ];
    for (name, code) in refused {
        if params.one(name)?.is_some() {
            return Err(code.because(format!("this server does not take the parameter {name}")));
        }
    }
    Ok(())
}

fn prompts(params: &Params<'_>) -> Result<Vec<Prompt>, Refusal> {
    let text = params.one("prompt")?.unwrap_or_default();
    let mut prompts = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        // Nobody takes an answer for one that was never asked for.
        let prompt = Prompt::parse(word).ok_or_else(|| {
            Code::InvalidRequest
                .because("prompt knows none, login, consent and select_account, with spaces between")
        })?;
        prompts.push(prompt);
    }
    // OpenID Connect Core §3.1.2.1: `none` stands alone.
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(Code::InvalidRequest.because("prompt=none stands alone"));
    }
    Ok(prompts)
}

fn max_age(params: &Params<'_>) -> Result<Option<i64>, Refusal> {
    let Some(text) = params.one("max_age")? else {
        return Ok(None);
    };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(seconds) if digits => Ok(Some(seconds)),
        _ => Err(Code::InvalidRequest.because("max_age must be a number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn wishes(more: &str) -> Result<Wishes, Code> {
        let text = format!("code_challenge={CHALLENGE}&code_challenge_method=S256&{more}");
        let params = Params::form(text.as_bytes()).expect("a form");
        Wishes::read(&params, false).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_15_a_16_the_response_type_is_code() {
        assert_eq!(wishes("").unwrap_err(), Code::InvalidRequest);
        for other in ["token", "id_token", "code+token", "code+id_token", "junk"] {
            let answer = wishes(&format!("response_type={other}"));
            assert_eq!(answer.unwrap_err(), Code::UnsupportedResponseType, "{other}");
        }
        assert!(wishes("response_type=code").is_ok());
    }

    #[test]
    fn a_52_a_response_mode_is_query_or_form_post() {
        for other in ["fragment", "web_message", "query.jwt"] {
            let answer = wishes(&format!("response_type=code&response_mode={other}"));
            assert_eq!(answer.unwrap_err(), Code::InvalidRequest, "{other}");
        }
        assert!(wishes("response_type=code&response_mode=form_post").is_ok());
    }

    #[test]
    fn a_49_a_50_requests_in_other_wrapping_are_refused() {
        let with = |more: &str| wishes(&format!("response_type=code&{more}")).unwrap_err();
        assert_eq!(with("request=e30.e30."), Code::RequestNotSupported);
        assert_eq!(
            with("request_uri=https://a.example/r"),
            Code::RequestUriNotSupported
        );
        assert_eq!(with("registration=%7B%7D"), Code::RegistrationNotSupported);
    }

    #[test]
    fn o_07_prompt_none_stands_alone() {
        let with = |prompt: &str| wishes(&format!("response_type=code&prompt={prompt}"));
        assert_eq!(with("none+login").unwrap_err(), Code::InvalidRequest);
        assert_eq!(with("none+junk").unwrap_err(), Code::InvalidRequest);
        assert_eq!(
            with("login+consent").unwrap().prompt,
            [Prompt::Login, Prompt::Consent]
        );
        assert!(with("").unwrap().prompt.is_empty());
        for junk in ["junk", "login%20junk", "create", "Login", "none%20junk"] {
            assert_eq!(with(junk).unwrap_err(), Code::InvalidRequest, "fx_15: {junk}");
        }
    }

    #[test]
    fn a_33_an_ambiguous_state_is_not_told_back() {
        let params = Params::form(b"state=a&state=b&response_type=code").expect("a form");
        assert_eq!(Manner::read(&params).state, None);
        assert_eq!(
            Wishes::read(&params, false).unwrap_err().code,
            Code::InvalidRequest
        );
    }

    #[test]
    fn max_age_is_a_number_of_seconds() {
        let with = |age: &str| wishes(&format!("response_type=code&max_age={age}"));
        assert_eq!(with("0").unwrap().max_age, Some(0));
        for wrong in ["-1", "%2B1", "1.5", "x", "99999999999999999999"] {
            assert_eq!(with(wrong).unwrap_err(), Code::InvalidRequest, "{wrong}");
        }
    }

    #[test]
    fn a_token_never_travels_in_a_query() {
        let read = |text: &str| {
            let params = Params::form(text.as_bytes()).expect("a form");
            (Manner::read(&params).mode, Wishes::read(&params, true).is_ok())
        };
        assert_eq!(read("response_type=token"), (ResponseMode::Fragment, true));
        assert_eq!(
            read("response_type=token&response_mode=query"),
            (ResponseMode::Fragment, false)
        );
    }
}
