package zone

import (
	"cmp"
	"math"
	"strings"
)

// place is roughly where a Region is: degrees north and east, and how geolocation
// records name it (ISO 3166, and the continents of ListGeoLocations).
type place struct {
	north, east                     float64
	continent, country, subdivision string
}

// placeOf is where a Region's data centres are (AWS, "Regions and Availability
// Zones"). A Region that is not in the list is nowhere.
func placeOf(region string) place {
	return map[string]place{
		"af-south-1":     {-34, 18, "AF", "ZA", ""},
		"ap-east-1":      {22, 114, "AS", "HK", ""},
		"ap-east-2":      {25, 121, "AS", "TW", ""},
		"ap-northeast-1": {36, 140, "AS", "JP", ""},
		"ap-northeast-2": {37, 127, "AS", "KR", ""},
		"ap-northeast-3": {35, 135, "AS", "JP", ""},
		"ap-south-1":     {19, 73, "AS", "IN", ""},
		"ap-south-2":     {17, 78, "AS", "IN", ""},
		"ap-southeast-1": {1, 104, "AS", "SG", ""},
		"ap-southeast-2": {-34, 151, "OC", "AU", ""},
		"ap-southeast-3": {-6, 107, "AS", "ID", ""},
		"ap-southeast-4": {-38, 145, "OC", "AU", ""},
		"ap-southeast-5": {3, 102, "AS", "MY", ""},
		"ap-southeast-6": {-37, 175, "OC", "NZ", ""},
		"ap-southeast-7": {14, 101, "AS", "TH", ""},
		"ca-central-1":   {45, -74, "NA", "CA", ""},
		"ca-west-1":      {51, -114, "NA", "CA", ""},
		"cn-north-1":     {40, 116, "AS", "CN", ""},
		"cn-northwest-1": {38, 106, "AS", "CN", ""},
		"eu-central-1":   {50, 9, "EU", "DE", ""},
		"eu-central-2":   {47, 8, "EU", "CH", ""},
		"eu-north-1":     {59, 18, "EU", "SE", ""},
		"eu-south-1":     {45, 9, "EU", "IT", ""},
		"eu-south-2":     {42, -1, "EU", "ES", ""},
		"eu-west-1":      {53, -6, "EU", "IE", ""},
		"eu-west-2":      {52, 0, "EU", "GB", ""},
		"eu-west-3":      {49, 2, "EU", "FR", ""},
		"eusc-de-east-1": {52, 13, "EU", "DE", ""},
		"il-central-1":   {32, 35, "AS", "IL", ""},
		"me-central-1":   {25, 55, "AS", "AE", ""},
		"me-south-1":     {26, 51, "AS", "BH", ""},
		"mx-central-1":   {21, -100, "NA", "MX", ""},
		"sa-east-1":      {-24, -47, "SA", "BR", ""},
		"us-east-1":      {39, -77, "NA", "US", "VA"},
		"us-east-2":      {40, -83, "NA", "US", "OH"},
		"us-gov-east-1":  {40, -83, "NA", "US", "OH"},
		"us-gov-west-1":  {46, -120, "NA", "US", "OR"},
		"us-west-1":      {37, -122, "NA", "US", "CA"},
		"us-west-2":      {46, -120, "NA", "US", "OR"},
	}[region]
}

// nearer compares two Regions by their distance from a third; of two that are as
// far, the first by name is nearer. Distance stands for latency, which nobody
// measures here.
func nearer(from, a, b string) int {
	return cmp.Or(cmp.Compare(apart(from, a), apart(from, b)), strings.Compare(a, b))
}

// apart grows with the distance of two Regions: it is minus the cosine of the
// angle between them, seen from the centre of the earth.
func apart(a, b string) float64 {
	p, q := placeOf(a), placeOf(b)
	const degree = math.Pi / 180
	x, y := p.north*degree, q.north*degree
	cosine := math.Sin(x)*math.Sin(y) + math.Cos(x)*math.Cos(y)*math.Cos((p.east-q.east)*degree)
	return -math.Round(cosine*1e9) / 1e9
}
