import KingletTestSupport
import Testing

@testable import KingletTemplates

@Suite("Templates against the reference", .enabled(if: Shared.isPresent, "\(Shared.reason)"))
struct GoldenTests {
  @Test("Published templates, every conversation", arguments: GoldenData.templateNames)
  func published(name: String) throws {
    let golden = try GoldenData.json(name + ".json")
    let source = try GoldenData.text(name + ".jinja")
    var conversations: [String: JinjaValue] = [:]
    for conversation in try GoldenData.json("conversations.json").member("conversations")?.items ?? [] {
      conversations[conversation.member("name")?.text ?? ""] = conversation
    }
    let cases = golden.member("cases")?.items ?? []
    #expect(cases.count == 19)
    for expected in cases {
      let conversation = try #require(conversations[expected.member("conversation")?.text ?? ""])
      let outcome = Outcome(source, Self.variables(of: conversation, golden))
      #expect(outcome.agrees(with: expected), "\(expected.member("conversation")?.text ?? ""): \(outcome)")
    }
  }

  private static func variables(of conversation: JinjaValue, _ golden: JinjaValue) -> [String: JinjaValue] {
    var variables = golden.member("special_tokens")?.variables ?? [:]
    variables["tools"] = JinjaValue.none
    variables["documents"] = JinjaValue.none
    let given = [golden.member("extra_kwargs"), conversation.member("kwargs")]
    for values in given { variables.merge(values?.variables ?? [:]) { _, new in new } }
    for name in ["messages", "tools", "documents", "add_generation_prompt"] {
      if let value = conversation.member(name) { variables[name] = value }
    }
    return variables
  }

  @Test("Snippets of the language")
  func snippets() throws {
    let cases = try GoldenData.json("jinja_cases.json").member("cases")?.items ?? []
    #expect(cases.count == 239)
    for expected in cases {
      let outcome = Outcome(expected.member("template")?.text ?? "", expected.member("context")?.variables ?? [:])
      #expect(outcome.agrees(with: expected), "\(expected.member("name")?.text ?? ""): \(outcome)")
    }
  }

  @Test("Hostile templates end in one of the acceptable outcomes")
  func hostile() throws {
    let golden = try GoldenData.json("hostile.json")
    let cases = golden.member("cases")?.items ?? []
    #expect(cases.count == 37)
    for hostile in cases {
      let name = hostile.member("name")?.text ?? ""
      let written = hostile.member("template")?.text ?? ""
      let source = try #require(written.hasPrefix("@") ? Self.expansions[String(written.dropFirst())] : written)
      let kinds = hostile.member("required")?.member("kinds")?.items.compactMap(\.text) ?? []
      let outcome = Outcome(source)
      let isAccepted =
        switch outcome {
        case .output(let text): kinds.contains("ok") || (kinds.contains("ok_empty") && text.isEmpty)
        case .failure(let kind, _): kinds.contains(kind.rawValue)
        }
      #expect(isAccepted, "\(name): \(outcome)")
    }
  }

  /// The generated templates, as `hostile.json` describes them.
  private static let expansions: [String: String] = [
    "deep_parens": "{{ " + repeated("(") + "1" + repeated(")") + " }}",
    "deep_lists": "{{ " + repeated("[") + repeated("]") + " }}",
    "deep_ifs": repeated("{% if 1 %}") + repeated("{% endif %}"),
    "deep_unary": "{{ " + repeated("not ") + "1 }}",
    "deep_filters": "{{ 1" + repeated(" | string") + " }}",
  ]

  private static func repeated(_ text: String) -> String { String(repeating: text, count: 20_000) }
}
