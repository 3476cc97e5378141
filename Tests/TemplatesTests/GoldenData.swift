import Foundation
import KingletTestSupport

@testable import KingletTemplates

/// The reference data for templates, read with the room's own JSON reader, which keeps the order of keys.
enum GoldenData {
  static let folder = Shared.path("golden/templates")

  /// The clock at which the reference was made.
  static let clock = TemplateClock.fixed(year: 2026, month: 3, day: 14, hour: 15, minute: 9, second: 26)

  static func json(_ name: String) throws -> JinjaValue {
    try JinjaValue(json: String(decoding: bytes(at: folder + "/" + name), as: UTF8.self))
  }

  static func text(_ name: String) throws -> String {
    String(decoding: try bytes(at: folder + "/" + name), as: UTF8.self)
  }

  /// The names of the reference templates; none where the data is missing.
  static let templateNames: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".jinja") }.map { String($0.dropLast(6)) }.sorted()
  }()
}

/// How a rendering ended.
enum Outcome: Equatable, CustomStringConvertible {
  case output(String)
  case failure(TemplateError.Kind, String)

  init(_ source: String, _ variables: [String: JinjaValue] = [:], limits: TemplateLimits = .default) {
    do {
      self = .output(
        try Template(compiling: source, limits: limits).evaluate(variables, limits: limits, clock: GoldenData.clock))
    } catch {
      self = .failure(error.kind, error.message)
    }
  }

  /// Whether this is what the reference gives for a case: the same output, a refusal in the same words, or any error
  /// that is not one of resources where the reference has one.
  func agrees(with expected: JinjaValue) -> Bool {
    switch self {
    case .output(let text): expected.member("output")?.text.map { $0.isIdentical(to: text) } ?? false
    case .failure(let kind, let message):
      switch expected.member("error") {
      case let error? where error.member("kind")?.text == "raise_exception":
        kind == .raised && error.member("message")?.text == message
      case .some: kind != .limit && kind != .raised
      case nil: false
      }
    }
  }

  var description: String {
    switch self {
    case .output(let text): text.debugDescription
    case .failure(let kind, let message): "\(kind): \(message)"
    }
  }
}

extension JinjaValue {
  func member(_ name: String) -> JinjaValue? {
    if case .dictionary(let dictionary) = self { dictionary[name] } else { nil }
  }

  var items: [JinjaValue] {
    if case .array(let elements) = self { elements.elements } else { [] }
  }

  /// The members of a dictionary as variables.
  var variables: [String: JinjaValue] {
    guard case .dictionary(let dictionary) = self else { return [:] }
    return Dictionary(uniqueKeysWithValues: dictionary.keys.map { ($0, dictionary[$0] ?? .none) })
  }
}
