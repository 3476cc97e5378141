import KingletErrors
import Testing

@testable import KingletTemplates

@Suite("Chat templates")
struct ChatTemplateTests {
  /// The format of ChatML, as many models use it.
  private static let chatML = """
    {%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endfor %}
    {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
    """

  @Test func conversation() throws {
    let template = try ChatTemplate(Self.chatML)
    let messages = [ChatMessage(role: "system", content: "Be brief."), ChatMessage(role: "user", content: "Hi")]
    let text = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    #expect(try template.render(messages: messages) == text + "<|im_start|>assistant\n")
    #expect(try template.render(messages: messages, addGenerationPrompt: false) == text)
  }

  @Test("Content that is a template stays what it is")
  func inertContent() throws {
    let message = ChatMessage(role: "user", content: "{{ 1 + 1 }} {% raw %}\r\ne\u{301}")
    let text = try ChatTemplate("{{ messages[0].content }}").render(messages: [message])
    #expect(Array(text.utf8) == Array("{{ 1 + 1 }} {% raw %}\r\ne\u{301}".utf8))
  }

  @Test("What a template sees besides the messages")
  func variables() throws {
    let template = try ChatTemplate("{{ bos_token }}{{ eos_token }}{{ tools }}{{ documents }}{{ enable_thinking }}")
    #expect(
      try template.render(messages: [], bosToken: "<s>", eosToken: "</s>", variables: ["enable_thinking": false])
        == "<s></s>NoneNoneFalse")
    #expect(try template.render(messages: [], tools: [["name": "f"]]) == "[{'name': 'f'}]None")
  }

  @Test("Other fields, and reasoning under both of its names")
  func fields() throws {
    let call: JinjaValue = ["function": ["name": "f", "arguments": ["x": 1]]]
    let message = ChatMessage(
      role: "assistant", content: nil, fields: ["tool_calls": [call], "reasoning_content": "because"])
    let source = """
      {% for m in messages %}{{ m.thinking }} {{ m.content is none }} \
      {% for c in m.tool_calls %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}
      """
    #expect(try ChatTemplate(source).render(messages: [message]) == #"because True f{"x": 1}"#)
  }

  @Test("The date comes from the clock that is given")
  func clock() throws {
    let template = try ChatTemplate("{{ strftime_now('%d %B %Y') }}")
    let clock = TemplateClock.fixed(year: 2026, month: 3, day: 14)
    #expect(try template.render(messages: [], clock: clock) == "14 March 2026")
    #expect(try template.render(messages: []).hasPrefix("14 March 2026") == false)
  }

  @Test("One template renders on many threads at once")
  func concurrency() async throws {
    let template = try ChatTemplate(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}")
    try await withThrowingTaskGroup(of: (Int, String).self) { group in
      for count in 0..<50 {
        group.addTask {
          let messages = Array(repeating: ChatMessage(role: "user", content: "x"), count: count)
          return (count, try template.render(messages: messages))
        }
      }
      for try await (count, text) in group { #expect(text == "\(count)") }
    }
  }
}
