package wire

import (
	"net/http"
	"strings"
)

// conduct is what services of one protocol do differently.
type conduct struct {
	validation  string // code of model validation; JSON shape name
	queryCode   string // its query code, where that differs
	messageName string // message member of that exception
	internal    string // code of an internal failure
	global      bool   // signed for us-east-1 whatever the region
}

// conduct is the table by package name. Sources: the modelled exceptions of
// each service, and messages of AWS that users quote in public issue trackers.
func (s *Service) conduct() conduct {
	switch s.Package {
	case "ecs":
		return conduct{validation: "InvalidParameterException", internal: "ServerException"}
	case "servicediscovery":
		return conduct{validation: "InvalidInput", messageName: "Message", internal: "InternalFailure"}
	case "route53":
		return conduct{validation: "InvalidInput", internal: "InternalFailure", global: true}
	case "route53resolver":
		return conduct{validation: "InvalidParameterException", messageName: "Message", internal: "InternalServiceErrorException"}
	case "logs":
		return conduct{validation: "InvalidParameterException", internal: "InternalFailure"}
	case "cloudwatch":
		return conduct{validation: "ValidationException", queryCode: "ValidationError", internal: "InternalServiceFault"}
	case "ecr":
		return conduct{validation: "InvalidParameterException", internal: "ServerException"}
	case "iam":
		return conduct{validation: "ValidationError", internal: "ServiceFailure", global: true}
	case "sts":
		return conduct{validation: "ValidationError", internal: "InternalFailure", global: true}
	case "elbv2":
		return conduct{validation: "ValidationError", internal: "InternalFailure"}
	case "ec2":
		return conduct{validation: "InvalidParameterValue", internal: "InternalError"}
	case "applicationautoscaling":
		return conduct{validation: "ValidationException", messageName: "Message", internal: "InternalServiceException"}
	case "ssm":
		return conduct{validation: "ValidationException", internal: "InternalServerError"}
	case "secretsmanager":
		return conduct{validation: "ValidationException", internal: "InternalServiceError"}
	}
	return conduct{validation: "ValidationException", internal: "InternalFailure"}
}

// conductOf is the conduct in an operation, which an input names. DNS Firewall and
// Outposts have other exceptions than the rest of Resolver.
func (s *Service) conductOf(input string) conduct {
	c := s.conduct()
	if s.Package == "route53resolver" && (strings.Contains(input, "Firewall") || strings.Contains(input, "Outpost")) {
		c.validation = "ValidationException"
	}
	return c
}

func (c conduct) validationError(msg string) *Error {
	return &Error{Code: c.validation, QueryCode: c.queryCode, Message: msg, MessageName: c.messageName, Status: http.StatusBadRequest, Sender: true}
}

// internalError says nothing about the cause; the log does.
func (c conduct) internalError() *Error {
	return &Error{Code: c.internal, Message: "An internal error has occurred.", Status: http.StatusInternalServerError}
}

// The errors of the layer itself, worded as AWS words them.

func unknownOperation(p Protocol, s *Service, name string) *Error {
	msg := "The action " + name + " is not valid for this web service."
	if s.Known(name) {
		msg = "The action " + name + " is not built in Seamark yet."
	} else if p == Query {
		msg = "Could not find operation " + name + " for version " + s.APIVersion
	}
	switch p {
	case Query, EC2:
		return Errorf(http.StatusBadRequest, "InvalidAction", "%s", msg)
	case RESTXML:
		return Errorf(http.StatusNotFound, "UnknownOperationException", "%s", msg)
	}
	return Errorf(http.StatusBadRequest, "UnknownOperationException", "%s", msg)
}

// malformed is a body that is not what the protocol says.
func malformed(p Protocol, cause error) *Error {
	switch p {
	case Query, EC2:
		return Errorf(http.StatusBadRequest, "MalformedQueryString", "The query string is malformed: %v", cause)
	case RESTXML:
		return Errorf(http.StatusBadRequest, "MalformedInput", "%v", cause)
	}
	return &Error{Code: "SerializationException", Message: cause.Error(), MessageName: "Message", Status: http.StatusBadRequest, Sender: true}
}

func tooLarge(p Protocol) *Error {
	code := "RequestEntityTooLarge"
	if p == JSON || p == CBOR {
		code = "RequestEntityTooLargeException"
	}
	return Errorf(http.StatusRequestEntityTooLarge, code, "Request size exceeded the limit")
}

// Unavailable is the answer of a server that cannot take a change just now,
// for example because its disk is full.
func Unavailable(msg string) *Error {
	return &Error{Code: "ServiceUnavailable", Message: msg, Status: http.StatusServiceUnavailable}
}
