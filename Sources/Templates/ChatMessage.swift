/// One message of a conversation, as chat templates see it.
public struct ChatMessage: Sendable {
  /// Who speaks: "system", "user", "assistant" or "tool" in most templates.
  public var role: String
  /// A text; or a list of parts, or none beside tool calls, where the template knows such.
  public var content: JinjaValue
  /// Whatever else the template looks at: `tool_calls`, `tool_call_id`, `name`, `reasoning_content`.
  public var fields: JinjaDictionary

  public init(role: String, content: JinjaValue, fields: JinjaDictionary = [:]) {
    self.role = role
    self.content = content
    self.fields = fields
  }

  public init(role: String, content: String) { self.init(role: role, content: .string(content)) }

  /// The message as a dictionary. Reasoning goes by two names among templates, and is given under both.
  var value: JinjaValue {
    var dictionary: JinjaDictionary = ["role": .string(role), "content": content]
    for name in fields.keys { dictionary[name] = fields[name] }
    if let reasoning = fields["reasoning_content"], fields["thinking"] == nil { dictionary["thinking"] = reasoning }
    return .dictionary(dictionary)
  }
}
