package wire

import (
	"errors"
	"net/http"

	"seamark/internal/wire/sigv4"
)

// authCode is how a protocol names a refused signature.
type authCode struct {
	code   string
	status int
}

// authError words a refusal for the request's protocol. The codes are not
// documented in one place by AWS; they follow what its services answer.
func (c *call) authError(err error) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	var to authCode
	msg := e.Message
	switch c.target.proto {
	case JSON, CBOR:
		to = jsonAuthCode(e.Reason)
	case EC2:
		to, msg = ec2AuthCode(e.Reason, msg)
	default:
		to = queryAuthCode(e.Reason)
	}
	return &Error{Code: to.code, Status: to.status, Message: msg, Sender: true}
}

func jsonAuthCode(r sigv4.Reason) authCode {
	code := "InvalidSignatureException"
	switch r {
	case sigv4.Missing:
		code = "MissingAuthenticationTokenException"
	case sigv4.Malformed:
		code = "IncompleteSignatureException"
	case sigv4.UnknownKey:
		code = "UnrecognizedClientException"
	case sigv4.TokenExpired:
		code = "ExpiredTokenException"
	}
	return authCode{code, http.StatusBadRequest}
}

func queryAuthCode(r sigv4.Reason) authCode {
	switch r {
	case sigv4.Missing:
		return authCode{"MissingAuthenticationToken", http.StatusForbidden}
	case sigv4.Malformed:
		return authCode{"IncompleteSignature", http.StatusBadRequest}
	case sigv4.UnknownKey:
		return authCode{"InvalidClientTokenId", http.StatusForbidden}
	case sigv4.TokenExpired:
		return authCode{"ExpiredToken", http.StatusForbidden}
	}
	return authCode{"SignatureDoesNotMatch", http.StatusForbidden}
}

func ec2AuthCode(r sigv4.Reason, msg string) (authCode, string) {
	switch r {
	case sigv4.Missing:
		return authCode{"MissingAuthenticationToken", http.StatusBadRequest}, "Request is missing Authentication Token"
	case sigv4.Expired, sigv4.NotYet, sigv4.TokenExpired:
		return authCode{"RequestExpired", http.StatusBadRequest}, "Request has expired."
	case sigv4.Malformed:
		return authCode{"AuthFailure", http.StatusUnauthorized}, msg
	}
	return authCode{"AuthFailure", http.StatusUnauthorized}, "AWS was not able to validate the provided access credentials"
}
