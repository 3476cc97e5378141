// Catalog: the models Kinglet knows by name, where their files lie on this machine, and what `--model` means. It opens
// no model and reaches no network: `scripts/fetch-model` reads the same catalogue and does the downloading.

import KingletErrors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The models Kinglet knows by name.
public struct Catalog: Equatable, Sendable {
  /// The model that is used when none is named.
  public let defaultEntry: CatalogEntry
  /// All models, in the order of the file.
  public let entries: [CatalogEntry]

  /// The catalogue compiled into the program, a copy of `models/catalog.json`.
  ///
  /// - Throws: `KingletError.Code.fileCorrupt` if that copy breaks the rules of `init(json:)`.
  public static func builtIn() throws(KingletError) -> Catalog {
    try Catalog(json: PackageResources.catalog_json)
  }

  /// Reads a catalogue.
  ///
  /// - Parameter json: An object with `default`, a name, and `models`, an array of `CatalogEntry`.
  /// - Throws: `KingletError.Code.fileCorrupt` naming the place in the catalogue when it is no JSON, lacks a field,
  ///   names a model twice, has a default it does not list, or describes a file that cannot be.
  public init(json: [UInt8]) throws(KingletError) {
    let contents: Contents
    do {
      contents = try JSONDecoder().decode(Contents.self, from: Data(json))
    } catch {
      throw Catalog.unreadable(error)
    }
    var seen: Set<String> = []
    for entry in contents.models {
      if let fault = entry.fault { throw Catalog.corrupt(fault, at: entry.name) }
      guard seen.insert(entry.name).inserted else { throw Catalog.corrupt("the name is used twice", at: entry.name) }
    }
    guard let first = contents.models.first(where: { $0.name == contents.default }) else {
      throw Catalog.corrupt("the default model `\(contents.default)` is not among the models", at: "default")
    }
    entries = contents.models
    defaultEntry = first
  }

  /// The model called `name`, in any mixture of cases.
  public subscript(name: String) -> CatalogEntry? {
    let wanted = name.lowercased()
    return entries.first { $0.name.lowercased() == wanted }
  }

  private struct Contents: Decodable {
    let `default`: String
    let models: [CatalogEntry]
  }

  private static func corrupt(_ message: String, at place: String) -> KingletError {
    KingletError(.fileCorrupt, message, at: "catalogue of models: " + place)
  }

  /// A decoder's error in the one shape of Kinglet, with the place as a path such as `models.2.size`.
  private static func unreadable(_ error: any Error) -> KingletError {
    guard let error = error as? DecodingError else { return corrupt("\(error)", at: "top") }
    let context: DecodingError.Context
    var missing: [any CodingKey] = []
    switch error {
    case .keyNotFound(let key, let where_):
      context = where_
      missing = [key]
    case .typeMismatch(_, let where_), .valueNotFound(_, let where_), .dataCorrupted(let where_):
      context = where_
    @unknown default:
      return corrupt("\(error)", at: "top")
    }
    let place = (context.codingPath + missing).map { $0.intValue.map(String.init) ?? $0.stringValue }
    let message = missing.isEmpty ? context.debugDescription : "the field is missing"
    return corrupt(message, at: place.isEmpty ? "top" : place.joined(separator: "."))
  }
}

extension CatalogEntry {
  /// Why no file can be as described, or `nil`. The scripts trust these fields with paths and lengths, so does this room.
  fileprivate var fault: String? {
    if name.isEmpty || file.isEmpty { return "a name and a file name must not be empty" }
    if file.contains("/") || file.hasPrefix(".") { return "`\(file)` is not a plain file name" }
    if sha256.count != 64 || !sha256.allSatisfy({ "0123456789abcdef".contains($0) }) {
      return "`sha256` is not 64 hexadecimal digits"
    }
    if parts.isEmpty { return "the model has no parts" }
    if isFolder {
      guard parts.allSatisfy({ $0.file != nil }) else { return "some parts are files and some are not" }
      for part in parts {
        let path = (part.file ?? "").split(separator: "/", omittingEmptySubsequences: false)
        if path.contains(where: { $0.isEmpty || $0.hasPrefix(".") }) { return "`\(part.member)` is put nowhere" }
      }
    }
    var total = 0
    for part in parts {
      let (sum, overflow) = total.addingReportingOverflow(part.size)
      if part.size <= 0 || overflow { return "the size of `\(part.package)` is out of range" }
      total = sum
    }
    return total == size ? nil : "the parts hold \(total) bytes, the file \(size)"
  }
}
