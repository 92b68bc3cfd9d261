package ecs

import (
	"fmt"
	"strings"
	"testing"
)

func TestTags(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(`"tags":[{"key":"first","value":"1"}]`))
	task := h.do("RunTask", runJSON("")).text("tasks", 0, "taskArn")
	for _, arn := range []string{clusterARNPrefix + "c", serviceARNPrefix + "c/web", task, definitionARNBase + "web:1"} {
		h.do("TagResource", `{"resourceArn":"`+arn+`","tags":[{"key":"a","value":"1"},{"key":"b","value":""}]}`)
		h.do("TagResource", `{"resourceArn":"`+arn+`","tags":[{"key":"a","value":"2"}]}`)
		h.do("UntagResource", `{"resourceArn":"`+arn+`","tagKeys":["first","none"]}`)
		h.do("ListTagsForResource", `{"resourceArn":"`+arn+`"}`).want(`[{"key":"a","value":"2"},{"key":"b","value":""}]`, "tags")
		h.do("UntagResource", `{"resourceArn":"`+arn+`","tagKeys":["a","b"]}`)
		h.do("ListTagsForResource", `{"resourceArn":"`+arn+`"}`).want(`[]`, "tags")
	}
	many := ""
	for i := range 50 {
		many += fmt.Sprintf(`,{"key":"k%d"}`, i)
	}
	h.do("TagResource", `{"resourceArn":"`+task+`","tags":[`+many[1:]+`]}`)
	h.fails("TagResource", `{"resourceArn":"`+task+`","tags":[{"key":"k50"}]}`, "InvalidParameterException", "Tags can have a maximum of 50 items.")
	h.fails("TagResource", `{"resourceArn":"`+task+`","tags":[{"key":"AWS:x"}]}`, "InvalidParameterException", "Tag keys beginning with aws: are reserved for AWS use.")
	h.fails("UntagResource", `{"resourceArn":"`+task+`","tagKeys":["aws:x"]}`, "InvalidParameterException", "Tag keys beginning with aws: are reserved for AWS use.")
}

func TestTags_refuses(t *testing.T) {
	h := services(t)
	h.do("CreateCluster", `{"clusterName":"gone"}`)
	h.do("DeleteCluster", `{"cluster":"gone"}`)
	h.do("CreateService", serviceJSON(`"desiredCount":0`))
	h.do("DeleteService", `{"cluster":"c","service":"web"}`)
	stopped := h.do("RunTask", runJSON("")).text("tasks", 0, "taskArn")
	h.do("StopTask", `{"cluster":"c","task":"`+stopped+`"}`)
	h.settle()
	notFound := func(kind string) string {
		return "The specified " + kind + " was not found. Specify a valid " + kind + " and try again."
	}
	for arn, c := range map[string][2]string{
		clusterARNPrefix + "x":                         {"ClusterNotFoundException", "Cluster not found."},
		clusterARNPrefix + "gone":                      {"InvalidParameterException", "The specified cluster is inactive. Specify an active cluster and try again."},
		serviceARNPrefix + "c/x":                       {"ResourceNotFoundException", notFound("service")},
		serviceARNPrefix + "c/web":                     {"InvalidParameterException", "The specified service is inactive. Specify an active service and try again."},
		taskARNPrefix + "c/" + strings.Repeat("0", 32): {"ResourceNotFoundException", notFound("task")},
		stopped: {"InvalidParameterException", "The specified task is stopped. Specify a running task and try again."},
		strings.Replace(stopped, "/c/", "/s/", 1):           {"ResourceNotFoundException", notFound("task")},
		definitionARNBase + "x:1":                           {"ResourceNotFoundException", notFound("task definition")},
		definitionARNBase + "old:1":                         {"InvalidParameterException", "The specified task definition is inactive. Specify an active task definition and try again."},
		"arn:aws:ecs:us-east-1:123456789012:task-set/c/s/x": {"InvalidParameterException", "Unsupported resource type: task-set"},
		"arn:aws:ecs:eu-west-1:123456789012:cluster/c":      {"InvalidParameterException", "Invalid identifier: Unexpected number of separators"},
		"web": {"InvalidParameterException", "Invalid identifier: Unexpected number of separators"},
		"arn:aws:ecs:us-east-1:123456789012:service/a/b/c/d/e": {"InvalidParameterException", "Invalid identifier: Unexpected number of separators"},
	} {
		t.Run(arn, func(t *testing.T) {
			g := *h
			g.T = t
			g.fails("ListTagsForResource", `{"resourceArn":"`+arn+`"}`, c[0], c[1])
			g.fails("TagResource", `{"resourceArn":"`+arn+`","tags":[{"key":"a"}]}`, c[0], c[1])
			g.fails("UntagResource", `{"resourceArn":"`+arn+`","tagKeys":["a"]}`, c[0], c[1])
		})
	}
}
