import KingletCatalog
import KingletErrors

/// The file that a caller means: a path, or a name of the catalogue. What is plainly a path does not need the catalogue.
func modelPath(of model: String) throws(KingletError) -> String {
  if model.contains("/") || model.hasSuffix(".gguf") { return model }
  return try Catalog.builtIn().resolve(model, in: .current)
}
