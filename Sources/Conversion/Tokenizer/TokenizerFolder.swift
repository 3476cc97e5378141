import KingletErrors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files of a Hugging Face folder that concern its tokenizer.
struct TokenizerFolder {
  let path: String

  /// The path of a file in the folder.
  func path(of file: String) -> String { path.hasSuffix("/") ? path + file : path + "/" + file }

  /// The bytes of a file, or nil when the folder has none of that name.
  func bytes(of file: String) throws(KingletError) -> [UInt8]? {
    let path = path(of: file)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw KingletError(.fileUnreadable, "the file cannot be read", at: path)
    }
    return Array(data)
  }

  /// A file of JSON, or nil when the folder has none of that name.
  func json<T: Decodable>(_ file: String, as: T.Type = T.self) throws(KingletError) -> T? {
    guard let bytes = try bytes(of: file) else { return nil }
    return try decode(bytes, of: file)
  }

  /// JSON that was read from a file of the folder.
  func decode<T: Decodable>(_ bytes: [UInt8], of file: String) throws(KingletError) -> T {
    do { return try JSONDecoder().decode(T.self, from: Data(bytes)) } catch {
      throw KingletError(
        .fileCorrupt, Self.describe(error), at: path(of: file), remedy: "Download the file again")
    }
  }

  private static func describe(_ error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
      path.isEmpty ? "the file" : path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
    return switch error as? DecodingError {
    case .typeMismatch(let type, let context)?: "\(place(context.codingPath)) is not of the type \(type)"
    case .valueNotFound(_, let context)?: "\(place(context.codingPath)) has no value"
    case .keyNotFound(let key, let context)?: "\(place(context.codingPath)) lacks \(key.stringValue.debugDescription)"
    case .dataCorrupted?, nil: "this is not JSON"
    @unknown default: "this is not JSON"
    }
  }
}
