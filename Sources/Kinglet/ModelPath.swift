import KingletCatalog
import KingletConversion
import KingletErrors
import KingletFiles

/// The GGUF file that a caller means: by a path, by a name of the catalogue, or by a Hugging Face folder, whose GGUF file
/// is made in the user's cache if it is not there yet. What is plainly a path does not need the catalogue.
func modelPath(of model: String) throws(KingletError) -> String {
  let isPath = model.hasSuffix(".gguf") || model.contains("/")
  return try ggufFile(of: isPath ? model : Catalog.builtIn().resolve(model, in: .current))
}

/// The GGUF file of a model that is one, or that is a Hugging Face folder: then the folder is converted, unless it has
/// been before. The file is kept in the user's cache and made anew when the folder changes.
///
/// - Parameters:
///   - model: The path of a GGUF file, which is returned as it is, or of a folder.
///   - progress: Told the fraction of the conversion that is done.
///   - isCancelled: Asked now and then; when it returns true, the conversion ends.
/// - Throws: What conversion throws; `.fileUnreadable` when there is no place for the file.
public func ggufFile(
  of model: String, progress: @escaping (Double) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
) throws(KingletError) -> String {
  guard fileExists("\(model)/config.json") else { return model }
  guard let cache = ModelFolders.converted else {
    throw KingletError(
      .fileUnreadable, "there is no cache for the converted model", at: model,
      remedy: "Convert the folder with `kinglet convert`, or set XDG_CACHE_HOME")
  }
  let file = try ConvertedFile(of: model, cache: cache)
  try file.make(progress: progress, isCancelled: isCancelled)
  return file.path
}
