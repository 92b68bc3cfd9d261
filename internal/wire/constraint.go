package wire

type shapeTable struct{}

func parseShapes(string) shapeTable { return shapeTable{} }
