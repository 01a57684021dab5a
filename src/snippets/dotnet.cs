// Needs .NET 10 and nothing else. Run it with: dotnet run token.cs
// (with .NET 6 to 9: dotnet new console, and put this into Program.cs)
using System;
using System.Collections.Generic;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;

var clientId = {{client}};
var clientSecret = Environment.GetEnvironmentVariable("OAUTHORITY_CLIENT_SECRET")
    ?? throw new InvalidOperationException("put the client secret into OAUTHORITY_CLIENT_SECRET first");
var form = new Dictionary<string, string>
{
    ["grant_type"] = "client_credentials",
|scope|    ["scope"] = {{scope}},
|resource|    ["resource"] = {{resource}},
|post|    ["client_id"] = clientId,
|post|    ["client_secret"] = clientSecret,
};
using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
using var request = new HttpRequestMessage(HttpMethod.Post, {{endpoint}})
{
    Content = new FormUrlEncodedContent(form),
};
|basic|var pair = $"{Uri.EscapeDataString(clientId)}:{Uri.EscapeDataString(clientSecret)}";
|basic|request.Headers.Authorization =
|basic|    new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
using var answer = await http.SendAsync(request);
var body = await answer.Content.ReadAsStringAsync();
if (!answer.IsSuccessStatusCode)
{
    Console.Error.WriteLine(body);
    return 1;
}
// Keep it and use it again until it expires, rather than asking for one each time.
Console.WriteLine(body);
return 0;
