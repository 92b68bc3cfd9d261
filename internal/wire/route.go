package wire

type route struct{}

func buildRoutes(*Service) []route { return nil }
